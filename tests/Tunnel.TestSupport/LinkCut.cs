namespace Tunnel.TestSupport;

/// <summary>
/// The state of being cut, shared by the four half-pipes of a <see cref="MemoryLink"/>. With an error, both sides fail
/// at once and what was on the way is lost; without, both sides read what is on the way and then the end.
/// </summary>
internal sealed class LinkCut
{
    private readonly TaskCompletionSource _happened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsCut => _happened.Task.IsCompleted;

    public Exception? Error { get; private set; }

    public Task Happened => _happened.Task;

    /// <summary>The first cut counts.</summary>
    public bool TryCut(Exception? error)
    {
        lock (_happened)
        {
            if (IsCut)
            {
                return false;
            }

            Error = error;
            _happened.SetResult();
            return true;
        }
    }

    public void ThrowIfTorn()
    {
        if (IsCut && Error is not null)
        {
            throw Error is IOException io ? new IOException(io.Message, io) : Error;
        }
    }
}
