using Tunnel.Transport.EventThreads;

InlineCompletions.TurnOn();
return await new Tunnel.Agent.AgentCommand().RunAsync(args);
