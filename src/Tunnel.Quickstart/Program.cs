using Tunnel.Transport.EventThreads;

InlineCompletions.TurnOn();
return await new Tunnel.Quickstart.QuickstartCommand().RunAsync(args);
