using System.IO.Pipelines;

namespace Tunnel.TestSupport;

/// <summary>
/// Two connected ends in memory that behave like the two ends of a TCP connection: bounded in each direction, each
/// direction ends by itself, and the whole can be cut from outside at any moment.
/// </summary>
public sealed class MemoryLink
{
    private readonly LinkCut _cut = new();
    private readonly CuttableReader[] _readers;
    private readonly CuttableWriter[] _writers;

    public MemoryLink(MemoryLinkOptions? options = null)
    {
        options ??= new MemoryLinkOptions();
        var scheduler = options.Inline ? PipeScheduler.Inline : PipeScheduler.ThreadPool;
        var pipeOptions = new PipeOptions(
            options.Pool,
            scheduler,
            scheduler,
            options.PauseAt,
            options.PauseAt == 0 ? 0 : options.ResumeAt ?? Math.Max(1, options.PauseAt / 2),
            useSynchronizationContext: false);
        var aToB = new Pipe(pipeOptions);
        var bToA = new Pipe(pipeOptions);
        _readers = [new CuttableReader(bToA.Reader, _cut), new CuttableReader(aToB.Reader, _cut)];
        _writers = [new CuttableWriter(aToB.Writer, _cut), new CuttableWriter(bToA.Writer, _cut)];
        A = new LinkEnd(_readers[0], _writers[0]);
        B = new LinkEnd(_readers[1], _writers[1]);
    }

    public IDuplexPipe A { get; }

    public IDuplexPipe B { get; }

    /// <summary>Completes when the link was cut.</summary>
    public Task WhenCut => _cut.Happened;

    /// <summary>
    /// Cuts both directions. Without an error both readers get what is on the way and then the end, and writers learn
    /// that nobody reads; with one, whatever is on the way is lost and every call on either end throws it. An
    /// <see cref="IOException"/> is thrown wrapped in a fresh one, anything else as it is. The first cut counts.
    /// </summary>
    public void Cut(Exception? error = null)
    {
        if (!_cut.TryCut(error))
        {
            return;
        }

        foreach (var reader in _readers)
        {
            reader.Wake();
        }

        foreach (var writer in _writers)
        {
            writer.Wake();
        }
    }
}
