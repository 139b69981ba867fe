using Tunnel.Transport.EventThreads;

InlineCompletions.TurnOn();
Tunnel.Hosting.OutOfMemory.EndsTheProcess();
using var atRest = new Tunnel.Hosting.MemoryAtRest(TimeProvider.System);
return await new Tunnel.Agent.AgentCommand().RunAsync(args);
