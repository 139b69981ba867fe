using System.Buffers;
using System.Buffers.Binary;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;
using Tunnel.Framing.Tests.Fuzz;
using Xunit.Abstractions;

namespace Tunnel.Framing.Tests.Resume;

/// <summary>
/// Histories of a replay buffer made up from a seed, beside a model that is a list of frames: links that send from where the
/// frames are kept and take their time, ACKs in any moment of that, links that begin where the peer says, and counts that lie.
/// </summary>
public sealed class ReplayHistoryTests(ITestOutputHelper output)
{
    [Fact]
    public void History_OfFramesLinksAndCounts_KeepsEachFrameAsItIs_AndNothingLonger()
    {
        var ends = new Dictionary<string, int>();
        foreach (int seed in FuzzBudget.Seeds(inTheGate: 400, output))
        {
            try
            {
                var history = new History(seed);
                string end = history.Run();
                ends[end] = ends.GetValueOrDefault(end) + 1;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"The history of seed {seed} went wrong.", error);
            }
        }

        // The target is worth something only while it still gets everywhere.
        output.WriteLine(string.Join(", ", ends));
        ends.Count.Should().Be(3);
    }

    private sealed class History
    {
        private static readonly int[] Sizes = [0, 1, 100, 1_023, 1_025, 4_095, 4_096, 9_000, ProtocolLimits.SentPayload];

        private readonly Random _random;
        private readonly LeakCheckingPool _memory;
        private readonly ChunkPool _chunks;
        private readonly ReplayBuffer _replay;

        // The model: every frame there ever was, and the count behind it.
        private readonly List<(byte[] Bytes, ulong End)> _frames = [];
        private int _sent;
        private int _acknowledged;

        // What links, the present one and those before, have not sent yet.
        private readonly List<(IMemoryOwner<byte> Owner, ReadOnlyMemory<byte> Bytes, byte[] Expected)> _underWay = [];

        public History(int seed)
        {
            _random = new Random(seed);
            _memory = new LeakCheckingPool(exact: _random.Next(2) == 0);
            _chunks = new ChunkPool(_memory);
            _replay = new ReplayBuffer(_chunks);
        }

        /// <returns>How it ended.</returns>
        public string Run()
        {
            string? end = null;
            for (int steps = _random.Next(10, 300); steps > 0 && (end = Step()) is null; steps--)
            {
                (_replay.Count, _replay.Acknowledged).Should().Be((EndOf(_frames.Count), EndOf(_acknowledged)));
                _replay.Unsent.Should().Be(EndOf(_frames.Count) - EndOf(_sent));
            }

            _replay.Clear();
            while (_underWay.Count > 0)
            {
                LinkHasSent();
            }

            _memory.AssertAllReturned();
            return end ?? "as it should";
        }

        // Null, or how the session ends by this.
        private string? Step()
        {
            switch (_random.Next(12))
            {
                case 0:
                    AppendCredit();
                    break;
                case 1:
                    AppendReset();
                    break;
                case 2 or 3:
                    AppendBytes();
                    break;
                case 4 or 5 or 6:
                    SendNext();
                    break;
                case 7:
                    LinkHasSent();
                    break;
                case 8:
                    Acknowledge();
                    break;
                case 9:
                    Forget();
                    break;
                case 10:
                    NextLink();
                    break;
                default:
                    return _random.Next(4) == 0 ? Lie() : null;
            }

            return null;
        }

        private ulong EndOf(int frames) => frames == 0 ? 0 : _frames[frames - 1].End;

        private void Appended(byte[] frame) => _frames.Add((frame, EndOf(_frames.Count) + (ulong)frame.Length));

        private void AppendCredit()
        {
            uint bytes = (uint)_random.Next(1, int.MaxValue);
            BinaryPrimitives.WriteUInt32BigEndian(_replay.Append(new FrameHeader(2, FrameKind.Credit, sizeof(uint))), bytes);
            byte[] payload = new byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32BigEndian(payload, bytes);
            Appended(RawPeer.Frame(2, FrameKind.Credit, payload));
        }

        private void AppendReset()
        {
            _replay.AppendReset(4, ResetCode.OriginReset, "why");
            Appended(RawPeer.Frame(4, FrameKind.Reset, [0, (byte)ResetCode.OriginReset, .. "why"u8]));
        }

        // A stream's bytes, in as many frames as its chunk is taken in.
        private void AppendBytes()
        {
            byte[] bytes = new byte[Sizes[_random.Next(Sizes.Length)]];
            _random.NextBytes(bytes);
            OutgoingChunk chunk = _chunks.Rent(Math.Max(bytes.Length, 1));
            bytes.CopyTo(chunk.Memory);
            for (int taken = 0; ;)
            {
                int some = Math.Min(_random.Next(1, ProtocolLimits.SentPayload + 1), bytes.Length - taken);
                bool isLast = taken + some == bytes.Length;
                if (!isLast)
                {
                    chunk.AddReference();
                }

                _replay.Append(new FrameHeader(6, FrameKind.Data, some, isLast), null, chunk.Memory.Slice(taken, some), chunk);
                Appended(RawPeer.Frame(6, FrameKind.Data, bytes.AsSpan(taken, some), isLast));
                taken += some;
                if (isLast)
                {
                    return;
                }
            }
        }

        private void SendNext()
        {
            _replay.TryPeek(out SentFrame frame).Should().Be(_sent < _frames.Count);
            if (_sent == _frames.Count)
            {
                return;
            }

            byte[] expected = _frames[_sent].Bytes;
            if (_random.Next(3) > 0)
            {
                int at = 0;
                frame.AppendInPlace((owner, bytes) =>
                {
                    _underWay.Add((owner, bytes, expected[at..(at + bytes.Length)]));
                    at += bytes.Length;
                });
                at.Should().Be(expected.Length);
            }
            else
            {
                byte[] copy = new byte[frame.Size];
                frame.CopyTo(copy);
                copy.Should().Equal(expected);
            }

            _replay.Sent(frame);
            _sent++;
        }

        private void LinkHasSent()
        {
            if (_underWay.Count == 0)
            {
                return;
            }

            int which = _random.Next(_underWay.Count);
            (IMemoryOwner<byte> owner, ReadOnlyMemory<byte> bytes, byte[] expected) = _underWay[which];
            bytes.Span.SequenceEqual(expected).Should().BeTrue("no count takes memory from under a link");
            _underWay.RemoveAt(which);
            owner.Dispose();
        }

        private void Acknowledge()
        {
            int upTo = _random.Next(_acknowledged, _sent + 1);
            _replay.Acknowledge(EndOf(upTo)).Should().Be(upTo != _acknowledged);
            _acknowledged = upTo;
        }

        private void Forget()
        {
            _replay.Forget();
            if (_acknowledged == _frames.Count && _underWay.Count == 0)
            {
                (_replay.Places, _memory.RentedCount).Should().Be((16, 0));
            }
        }

        // It may have got an ACK that the writer loop never came to look at, and the peer may have what was never sent from here.
        private void NextLink()
        {
            int peerHas = _random.Next(_acknowledged, _frames.Count + 1);
            _replay.Rewind(EndOf(peerHas));
            (_acknowledged, _sent) = (peerHas, peerHas);
        }

        // A count that goes back, or that is more than was sent, is found at once and changes nothing; one that lies inside a frame
        // by the writer loop, or by the next link.
        private string? Lie()
        {
            if (_random.Next(3) == 0)
            {
                ulong count = _random.Next(2) == 0 ? EndOf(_sent) + (ulong)_random.Next(1, 1_000) : EndOf(_acknowledged) - 1;
                MustBeBad(() => _replay.Acknowledge(count));
                return null;
            }

            if (_sent == _acknowledged)
            {
                return null;
            }

            int which = _random.Next(_acknowledged, _sent);
            ulong inside = EndOf(which) + (ulong)_random.Next(1, _frames[which].Bytes.Length);
            if (_random.Next(2) == 0)
            {
                MustBeBad(() => _replay.Rewind(inside));
                return "a link that begins inside a frame";
            }

            _replay.Acknowledge(inside).Should().BeTrue();
            MustBeBad(_replay.Forget);
            return "an ACK inside a frame";
        }

        private static void MustBeBad(Action act) =>
            act.Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.BadAck);
    }
}
