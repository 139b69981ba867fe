using System.Diagnostics.CodeAnalysis;

namespace Tunnel.Framing.Flow;

/// <summary>
/// A few used objects of a session, never their memory, so that steady traffic allocates nothing and an idle session holds
/// no buffer. Safe from any thread.
/// </summary>
/// <param name="most">How many are kept.</param>
internal sealed class Spares<T>(int most = 64)
    where T : class
{
    private readonly Lock _lock = new();
    private readonly Stack<T> _kept = new();

    public bool TryTake([NotNullWhen(true)] out T? spare)
    {
        lock (_lock)
        {
            return _kept.TryPop(out spare);
        }
    }

    /// <summary>Keeps the object, which is as new, unless there are enough.</summary>
    public void Keep(T used)
    {
        lock (_lock)
        {
            if (_kept.Count < most)
            {
                _kept.Push(used);
            }
        }
    }
}
