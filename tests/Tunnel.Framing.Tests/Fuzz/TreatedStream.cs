using System.Buffers.Binary;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>
/// Both ends of a stream that is treated as its <see cref="StreamPlan"/> says. Every byte is looked at; what looks whole is whole,
/// and what was promised (a half that was finished, on a stream that nobody broke off) arrives unless the session ends.
/// </summary>
internal static class TreatedStream
{
    /// <summary>The opener's end.</summary>
    public static async Task AskAsync(TunnelStream stream, StreamPlan plan) =>
        await TreatAsync(stream, plan, plan.Request, plan.ServerMood, plan.Answer, plan.AgentMood, sendsPlan: true);

    /// <summary>The other end, which disposes of the stream.</summary>
    public static async Task ServeAsync(TunnelStream stream)
    {
        using (stream)
        {
            try
            {
                ReadResult first = await stream.Input.ReadAtLeastAsync(4);
                if (first.Buffer.Length < 4)
                {
                    stream.Input.AdvanceTo(first.Buffer.End);
                    return;
                }

                byte[] seed = System.Buffers.BuffersExtensions.ToArray(first.Buffer.Slice(0, 4));
                stream.Input.AdvanceTo(first.Buffer.GetPosition(4));
                var plan = new StreamPlan(BinaryPrimitives.ReadInt32BigEndian(seed));
                await TreatAsync(stream, plan, plan.Answer, plan.AgentMood, plan.Request, plan.ServerMood, sendsPlan: false);
            }
            catch (StreamResetException)
            {
                // Broken off before it said what it wants.
            }
        }
    }

    // One end of a stream: sends its part and receives the other's at the same time, in its mood.
    private static async Task TreatAsync(
        TunnelStream stream, StreamPlan plan, int toSend, StreamMood own, int toReceive, StreamMood other, bool sendsPlan)
    {
        Task<bool> sending = Task.Run(() => SendAsync(stream, plan, toSend, own, sendsPlan));
        Task<int?> receiving = Task.Run(() => ReceiveAsync(stream, toReceive, own));
        if (own == StreamMood.AbortFromOutside)
        {
            stream.Abort(ResetCode.Cancelled, "from outside");
        }

        bool sentAll = await sending;
        int? received = await receiving;
        if (received is not null)
        {
            // Nothing looks complete that is not.
            (received, other is StreamMood.StopSending or StreamMood.NeverFinish).Should().Be((toReceive, false));
        }

        bool nobodyBreaksOff = own == StreamMood.Whole && other == StreamMood.Whole;
        if (nobodyBreaksOff && stream.ResetCode is null)
        {
            sentAll.Should().BeTrue();
            received.Should().Be(toReceive);
        }

        if (nobodyBreaksOff && stream.ResetCode is { } code)
        {
            code.Should().BeOneOf(ResetCode.SessionLost, ResetCode.NotProcessed);
        }
    }

    private static async Task<bool> SendAsync(TunnelStream stream, StreamPlan plan, int bytes, StreamMood mood, bool sendsPlan)
    {
        var random = new Random(plan.Seed);
        int end = mood == StreamMood.StopSending ? random.Next(bytes + 1) : bytes;
        if (sendsPlan)
        {
            BinaryPrimitives.WriteInt32BigEndian(stream.Output.GetSpan(4), plan.Seed);
            stream.Output.Advance(4);
        }

        for (int sent = 0; sent < end;)
        {
            int size = Math.Min(random.Next(1, 10_000), end - sent);
            Span<byte> span = stream.Output.GetSpan(size)[..size];
            for (int i = 0; i < size; i++)
            {
                span[i] = (byte)((sent + i) * 31);
            }

            stream.Output.Advance(size);
            sent += size;
            if (random.Next(3) != 0 && (await stream.Output.FlushAsync()).IsCompleted)
            {
                return false;
            }
        }

        if (mood == StreamMood.StopSending)
        {
            stream.Abort(ResetCode.OriginReset, "in the middle");
            return false;
        }

        if (mood == StreamMood.NeverFinish)
        {
            await stream.Output.FlushAsync();
            return false;
        }

        await stream.Output.CompleteAsync();
        return true;
    }

    private static async Task<int?> ReceiveAsync(TunnelStream stream, int bytes, StreamMood mood)
    {
        int received = 0;
        try
        {
            while (true)
            {
                ReadResult result = await stream.Input.ReadAsync();
                foreach (ReadOnlyMemory<byte> segment in result.Buffer)
                {
                    foreach (byte one in segment.Span)
                    {
                        if (one != (byte)(received * 31))
                        {
                            throw new InvalidOperationException($"Byte {received} is {one}.");
                        }

                        received++;
                    }
                }

                stream.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return received;
                }

                if (mood == StreamMood.StopReading && received > bytes / 3)
                {
                    await stream.Input.CompleteAsync();
                    return null;
                }
            }
        }
        catch (StreamResetException)
        {
            return null;
        }
    }
}
