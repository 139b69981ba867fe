using Tunnel.Transport.EventThreads;

InlineCompletions.TurnOn();
return await new Tunnel.Server.ServerCommand().RunAsync(args);
