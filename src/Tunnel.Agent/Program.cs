return await new Tunnel.Agent.AgentCommand().RunAsync(args);
