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
    private static readonly int[] Lives = [0, 8, 40, 300, 5_000, 60_000, 400_000];

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

    /// <summary>What becomes of an attempt to connect.</summary>
    private enum Fate
    {
        HelloIsLost,
        WelcomeIsNotSent,
        WelcomeIsLost,
        CutBeforeTheFirstFrame,
        AgentIsFirst,
        Up,
    }

    private sealed class History
    {
        private readonly Random _random;
        private readonly ResumablePair _pair = new();
        private readonly List<Task> _attached = [];
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
            for (int links = _random.Next(1, 12); links > 0 && !all.IsCompleted; links--)
            {
                var link = new ShortLink(Pick(Lives) + _random.Next(16), Pick(Lives) + _random.Next(16));
                Fate fate = (Fate)_random.Next((int)Fate.Up + 3);
                await ConnectAsync(link, fate);
                await SomethingHappensAsync(Task.WhenAny(link.WhenCut, all));
                if (_random.Next(3) > 0)
                {
                    link.Cut();
                }
            }

            await _pair.ConnectAsync();
            await all;
            await serving;
            _pair.Agent.Account.Opened.Should().Be(_exchanges.Length, "no attempt was seen but the one that counted");
            await _pair.DisposeAsync();
            await Task.WhenAll(_attached);
        }

        // Each side gives its old link up before it states its count; what becomes of the new one is fate.
        private async Task ConnectAsync(ShortLink link, Fate fate)
        {
            ulong agentCount = await _pair.Agent.DetachAsync();
            if (fate == Fate.HelloIsLost)
            {
                return;
            }

            ulong serverCount = await _pair.Server.DetachAsync();
            _pair.Server.CanResumeAt(agentCount).Should().BeTrue();
            switch (fate)
            {
                case Fate.WelcomeIsNotSent:
                    return;
                case Fate.WelcomeIsLost:
                    _attached.Add(_pair.Server.AttachAsync(link.A, agentCount));
                    await SomethingHappensAsync(link.WhenCut);
                    return;
                case Fate.CutBeforeTheFirstFrame:
                    link.Cut();
                    break;
                case Fate.AgentIsFirst:
                    _attached.Add(_pair.Agent.AttachAsync(link.B, serverCount));
                    await SomethingHappensAsync(link.WhenCut);
                    _attached.Add(_pair.Server.AttachAsync(link.A, agentCount));
                    return;
            }

            _attached.Add(_pair.Server.AttachAsync(link.A, agentCount));
            _attached.Add(_pair.Agent.AttachAsync(link.B, serverCount));
        }

        // Some scheduling steps, and sometimes time enough for an ACK.
        private async Task SomethingHappensAsync(Task soonest)
        {
            for (int steps = _random.Next(200); steps > 0 && !soonest.IsCompleted; steps--)
            {
                await Task.Yield();
            }

            _pair.Time.Advance(TimeSpan.FromMilliseconds(_random.Next(3) * 60));
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
