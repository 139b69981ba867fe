using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// A visitor's raw bytes on a session that takes them. Until its first answer what the visitor has sent is kept, so that a
/// connection which a session did not look at may begin again on the next one (docs/protocol.md, section 7, "Detached"). Belongs to one
/// visitor, and serves one stream at a time.
/// </summary>
/// <param name="abort">Breaks the visitor's connection; from any thread.</param>
/// <param name="piece">Bytes that the visitor is given at one time.</param>
internal sealed class RawForwarder(PipeReader input, PipeWriter output, Action abort, int piece, BodyCopy copy, RawRecord record)
{
    private volatile bool _isStopped;

    /// <summary>Why the stream was refused; after <see cref="RawOutcome.Refused"/>.</summary>
    public ResetCode Refusal { get; private set; }

    /// <summary>Runs until both directions have ended, or the stream was refused before its first answer.</summary>
    /// <param name="isLast">There is no other stream, so whoever asks for another one is refused.</param>
    public async Task<RawOutcome> RunAsync(ITunnelStream stream, bool isLast)
    {
        _isStopped = false;
        Task<bool> up = SendAsync(stream);
        Task<bool> down = ReceiveAsync(stream, up);
        await Task.WhenAll(up, down);
        if (await down || !await up)
        {
            return RawOutcome.Over;
        }

        // Only now nobody adds to the copy any more, or gives it up.
        return Refusal == ResetCode.NotProcessed && copy.IsWhole && !isLast ? RawOutcome.Untouched : RawOutcome.Refused;
    }

    // False: the visitor's connection broke.
    private async Task<bool> SendAsync(ITunnelStream stream)
    {
        try
        {
            if (copy.Length > 0)
            {
                stream.Output.Write(copy.Bytes);
            }

            // Many protocols let the server speak first: it hears of the visitor at once, not with the visitor's first byte.
            bool isWanted = !(await stream.Output.FlushAsync()).IsCompleted;
            while (isWanted)
            {
                ReadResult read = await input.ReadAsync();
                if (read.IsCanceled)
                {
                    // Unless it is over, this was meant for a visitor that waits.
                    input.AdvanceTo(read.Buffer.Start);
                    isWanted = !_isStopped;
                    continue;
                }

                if (!copy.TryAdd(read.Buffer))
                {
                    if (!stream.TryPin())
                    {
                        // These are for the next session, with those in the copy.
                        input.AdvanceTo(read.Buffer.Start);
                        return true;
                    }

                    copy.Drop();
                }

                bool any = !read.Buffer.IsEmpty;
                stream.Output.Write(read.Buffer);
                record.BytesIn += read.Buffer.Length;
                input.AdvanceTo(read.Buffer.End);
                isWanted = !any || !(await stream.Output.FlushAsync()).IsCompleted;
                if (isWanted && read.IsCompleted)
                {
                    await stream.Output.CompleteAsync();
                    return true;
                }
            }

            return true;
        }
        catch (IOException)
        {
            record.Ended(RawEnds.VisitorReset);
            stream.Abort(ResetCode.Cancelled);
            return false;
        }
    }

    // False: the stream was refused before anything was answered.
    private async Task<bool> ReceiveAsync(ITunnelStream stream, Task sending)
    {
        bool hasBegun = false;
        try
        {
            ReadResult first = await stream.Input.ReadAsync();
            stream.Input.AdvanceTo(first.Buffer.Start);
            hasBegun = true;
            stream.AnswerBegan();
            copy.Drop();
            if (await Relay.CopyAsync(stream.Input, output, bytes => record.BytesOut += bytes, piece) == RelayEnd.SourceEnded)
            {
                await output.CompleteAsync();
            }
        }
        catch (StreamResetException reset) when (!hasBegun && reset.Code != ResetCode.OriginReset)
        {
            Refusal = reset.Code;
            _isStopped = true;
            if (!sending.IsCompleted)
            {
                input.CancelPendingRead();
            }

            return false;
        }
        catch (StreamResetException reset)
        {
            record.Ended(RawEnds.Of(reset.Code));
            abort();
        }
        catch (IOException)
        {
            record.Ended(RawEnds.VisitorReset);
            stream.Abort(ResetCode.Cancelled);
        }

        return true;
    }
}
