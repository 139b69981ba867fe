using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Local;

/// <summary>The target of a request, where the origin depends on it. The head is canonical: method, space, target, space.</summary>
internal static class RequestTarget
{
    /// <summary>The origin for the request that begins with these bytes; none of them is taken.</summary>
    /// <param name="read">What has been read already; more is read until the target is whole.</param>
    /// <exception cref="OriginFaultException">The request ended within its first line.</exception>
    public static async ValueTask<(ReadResult Read, OriginServices Origin)> FindOriginAsync(PipeReader stream, ReadResult read, IServedTunnel tunnel)
    {
        ReadOnlySequence<byte> target;
        while (!TryFind(read.Buffer, out target))
        {
            if (read.IsCompleted)
            {
                throw new OriginFaultException(ResetCode.RequestBroken, "The request ended within its first line.");
            }

            stream.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await stream.ReadAsync();
        }

        return (read, tunnel.OriginOf(target));
    }

    /// <summary>Whether a target is a path or below it: <c>/api</c> takes <c>/api</c>, <c>/api/x</c> and <c>/api?x</c>, not <c>/apis</c>.</summary>
    public static bool IsBelow(in ReadOnlySequence<byte> target, string prefix)
    {
        if (target.Length < prefix.Length)
        {
            return false;
        }

        var reader = new SequenceReader<byte>(target);
        foreach (char expected in prefix)
        {
            if (!reader.TryRead(out byte found) || found != expected)
            {
                return false;
            }
        }

        return !reader.TryPeek(out byte next) || next is (byte)'/' or (byte)'?';
    }

    private static bool TryFind(in ReadOnlySequence<byte> head, out ReadOnlySequence<byte> target)
    {
        var reader = new SequenceReader<byte>(head);
        target = default;
        return reader.TryReadTo(out ReadOnlySequence<byte> _, (byte)' ') && reader.TryReadTo(out target, (byte)' ');
    }
}
