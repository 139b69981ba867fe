using Tunnel.Transport.EventThreads;

InlineCompletions.TurnOn();
Tunnel.Hosting.OutOfMemory.EndsTheProcess();
return await new Tunnel.Agent.AgentCommand().RunAsync(args);
