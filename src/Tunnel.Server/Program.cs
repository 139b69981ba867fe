using Tunnel.Transport.EventThreads;

InlineCompletions.TurnOn();
Tunnel.Hosting.OutOfMemory.EndsTheProcess();
return await new Tunnel.Server.ServerCommand().RunAsync(args);
