namespace Tunnel.Server.Routing;

/// <summary>The time since the registry began; what <see cref="RouteRequest.ArrivedAt"/> and all waiting count by.</summary>
internal sealed class RegistryClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    public TimeSpan Now => time.GetElapsedTime(_start);
}
