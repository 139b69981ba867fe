namespace Tunnel.Hosting;

/// <summary>Keeps a log line that a peer can provoke to one in ten seconds. Safe from any thread.</summary>
public sealed class RareLine(TimeProvider time)
{
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private long? _last;

    /// <summary>The line may be written; at most once in ten seconds.</summary>
    public bool IsDue()
    {
        lock (_lock)
        {
            if (_last is { } last && time.GetElapsedTime(last) < Between)
            {
                return false;
            }

            _last = time.GetTimestamp();
            return true;
        }
    }
}
