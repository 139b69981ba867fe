using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Fuzz;
using Xunit.Abstractions;

namespace Tunnel.Framing.Tests.Resume;

/// <summary>
/// Histories of links made up from a seed: links that live for a few bytes, that only one side ever hears of, that
/// overtake each other, while streams of all sizes are under way. Every stream's bytes arrive once and in order, and no
/// memory is left. A stream that never had its place is tried again, and the peer sees one of the two.
/// </summary>
public sealed class LinkHistoryTests(ITestOutputHelper output)
{
    private static readonly int[] Sizes = [0, 1, 100, 4_096, 20_000, 70_000, 300_000];

    [Fact]
    public async Task History_LinksCutAnywhere_EveryStreamArrivesOnceAndInOrder()
    {
        foreach (int seed in FuzzBudget.Seeds(inTheGate: 500, output))
        {
            try
            {
                await TimeLimit.Run(() => new History(seed).RunAsync(), FuzzBudget.Limit);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"The history of seed {seed} went wrong.", error);
            }
        }
    }

    private sealed class History
    {
        private readonly Random _random;
        private readonly ResumablePair _pair = new();
        private readonly (int Up, int Down)[] _exchanges;
        private readonly bool[] _isPinned;

        public History(int seed)
        {
            _random = new Random(seed);
            _exchanges = [.. Enumerable.Range(0, _random.Next(1, 8)).Select(_ => (Pick(Sizes), Pick(Sizes)))];
            _isPinned = [.. _exchanges.Select(_ => _random.Next(2) == 0)];
        }

        public async Task RunAsync()
        {
            Task serving = ServeAllAsync();
            Task all = Task.WhenAll(Enumerable.Range(0, _exchanges.Length).Select(ExchangeAsync));
            var history = new LinkHistory(_random, _pair);
            for (int links = _random.Next(1, 12); links > 0 && !all.IsCompleted; links--)
            {
                await history.NextAsync(all);
            }

            await _pair.ConnectAsync();
            await all;
            await serving;
            _pair.Agent.Account.Opened.Should().Be(_exchanges.Length, "no attempt was seen but the one that counted");
            await _pair.DisposeAsync();
            await history.WhenLetGoAsync();
        }

        private async Task ExchangeAsync(int number)
        {
            while (true)
            {
                TunnelStream? stream;
                while ((stream = _pair.Server.TryOpen(new OpenHeader(StreamType.Raw, VisitorScheme.None, (uint)number, default, 0))) is null)
                {
                    await Task.Yield();
                }

                if (_isPinned[number])
                {
                    stream.TryPin();
                }

                try
                {
                    await BothWaysAsync(stream, number, _exchanges[number].Up, _exchanges[number].Down);
                    return;
                }
                catch (StreamResetException reset)
                {
                    // Its user tries elsewhere: here, on the next link.
                    (reset.Code, stream.Id).Should().Be((ResetCode.NotProcessed, 0U));
                    stream.Dispose();
                }
            }
        }

        private async Task ServeAllAsync()
        {
            var serving = new List<Task>();
            while (serving.Count < _exchanges.Length)
            {
                TunnelStream stream = await _pair.AgentUser.TakeStreamAsync();
                int number = (int)stream.Open.TunnelId;
                serving.Add(BothWaysAsync(stream, number + 100, _exchanges[number].Down, _exchanges[number].Up));
            }

            await Task.WhenAll(serving);
        }

        private static async Task BothWaysAsync(TunnelStream stream, int pattern, int send, int expect)
        {
            await Task.WhenAll(
                SendAsync(stream.Output, pattern, send),
                ExpectAsync(stream.Input, pattern >= 100 ? pattern - 100 : pattern + 100, expect));
            stream.ResetCode.Should().BeNull();
            stream.Dispose();
        }

        private static async Task SendAsync(PipeWriter output, int pattern, int bytes)
        {
            for (int sent = 0; sent < bytes;)
            {
                Memory<byte> memory = output.GetMemory(1);
                int some = Math.Min(Math.Min(memory.Length, bytes - sent), 7_000);
                for (int i = 0; i < some; i++)
                {
                    memory.Span[i] = At(pattern, sent + i);
                }

                output.Advance(some);
                sent += some;
                if ((await output.FlushAsync()).IsCompleted)
                {
                    // Whoever reads learns why.
                    return;
                }
            }

            await output.CompleteAsync();
        }

        private static async Task ExpectAsync(PipeReader input, int pattern, int bytes)
        {
            int received = 0;
            while (true)
            {
                ReadResult result = await input.ReadAsync();
                foreach (ReadOnlyMemory<byte> segment in result.Buffer)
                {
                    foreach (byte value in segment.Span)
                    {
                        if (received >= bytes || value != At(pattern, received))
                        {
                            throw new InvalidDataException($"Byte {received} of {bytes} in pattern {pattern} is wrong.");
                        }

                        received++;
                    }
                }

                input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    break;
                }
            }

            received.Should().Be(bytes);
            await input.CompleteAsync();
        }

        private static byte At(int pattern, int position) => (byte)((position * 31) + (position >> 8) + pattern);

        private int Pick(int[] values) => values[_random.Next(values.Length)];
    }
}
