using System.Text;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>Legal conversations of one side, made up from a seed, and ways to spoil them.</summary>
internal static class Conversation
{
    private static readonly string[] Messages =
    [
        """{"reason":"shutdown","reconnect":true,"delay":0,"grace":1000}""",
        """{"id":1,"type":"http","subdomain":"demo"}""",
        """{"id":1,"name":"demo","url":"http://demo"}""",
        """{"version":1,"instance":"0123456789abcdef0123456789abcdef","features":["a","b-2"],"streams":9,"uploadWindow":32768}""",
        """{"version":1,"session":"0123456789abcdef0123456789abcdef","resumeWindow":0,"features":["a"],"streams":1024}""",
        """{"id":1,"code":"name-conflict","message":"a newer session took over"}""",
        """{"id":2,"type":"tcp","port":20000,"via":false,"guard":{"allow":["10.0.0.0/8","2001:db8::1"],"users":[],"forwardAuth":true}}""",
        """{"code":"draining","message":"the server is restarting","retry":true,"retryAfter":100}""",
    ];

    public static string Message(Random random) => Messages[random.Next(Messages.Length)];

    /// <summary>What a server says: streams opened, fed, finished, reset, credit, the session's own frames.</summary>
    public static byte[] OfServer(Random random, int frames)
    {
        using var bytes = new MemoryStream();
        uint last = 0;
        for (int i = 0; i < frames; i++)
        {
            uint some = last == 0 ? 2 : (uint)random.Next(1, (int)(last / 2) + 1) * 2;
            bytes.Write(random.Next(last == 0 ? 1 : 9) switch
            {
                0 or 1 => RawPeer.Open(last += 2, Bytes(random, 300), fin: random.Next(3) == 0, window: (uint)random.Next(32_768, 500_000)),
                2 or 3 => RawPeer.Frame(some, FrameKind.Data, Bytes(random, 3000), fin: random.Next(4) == 0),
                4 => RawPeer.Frame(some, FrameKind.Reset, [0, (byte)random.Next(13), .. "why"u8]),
                5 => RawPeer.Frame(some, FrameKind.Credit, [0, 0, (byte)random.Next(256), 1]),
                6 => RawPeer.Frame(0, random.Next(2) == 0 ? FrameKind.Ping : FrameKind.Pong, new byte[8]),
                7 => RawPeer.Frame(0, FrameKind.Ack, [0, 0, 0, 0, 0, 0, 0, (byte)random.Next(30)]),
                _ => random.Next(20) switch
                {
                    0 => RawPeer.Frame(0, FrameKind.GoAway, Encoding.ASCII.GetBytes(Messages[0])),
                    1 => RawPeer.Frame(0, FrameKind.Close, [0, 0, .. "bye"u8]),
                    2 => RawPeer.Frame(0, FrameKind.Unbound, Encoding.ASCII.GetBytes(Messages[5])),
                    _ => RawPeer.Frame(0, FrameKind.Bound, Encoding.ASCII.GetBytes(Messages[2])),
                },
            });
        }

        return bytes.ToArray();
    }

    /// <summary>The payload of an OPEN with some extensions, all of them legal.</summary>
    public static byte[] OpenWithExtensions(Random random)
    {
        List<byte> open = [0, 0, 1, 1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0];
        for (int type = random.Next(3); type < 256; type += random.Next(1, 100))
        {
            byte[] value = type == 1 ? [1, .. new byte[7]] : Bytes(random, 40);
            open.AddRange([(byte)type, 0, (byte)value.Length, .. value]);
        }

        (open[0], open[1]) = ((byte)(open.Count >> 8), (byte)open.Count);
        return [.. open, .. Bytes(random, 10)];
    }

    /// <summary>What an agent says to a server that has opened so many streams.</summary>
    public static byte[] OfAgent(Random random, int frames, int streams)
    {
        using var bytes = new MemoryStream();
        for (int i = 0; i < frames; i++)
        {
            uint some = (uint)random.Next(1, streams + 1) * 2;
            bytes.Write(random.Next(8) switch
            {
                0 or 1 or 2 => RawPeer.Frame(some, FrameKind.Data, Bytes(random, 3000), fin: random.Next(4) == 0),
                3 => RawPeer.Frame(some, FrameKind.Reset, [0, (byte)random.Next(13), .. "why"u8]),
                4 => RawPeer.Frame(some, FrameKind.Credit, [0, 0, (byte)random.Next(256), 1]),
                5 => RawPeer.Frame(0, random.Next(2) == 0 ? FrameKind.Ping : FrameKind.Pong, new byte[8]),
                6 => RawPeer.Frame(0, FrameKind.Ack, [0, 0, 0, 0, 0, 0, (byte)random.Next(4), (byte)random.Next(256)]),
                _ => random.Next(20) switch
                {
                    0 => RawPeer.Frame(0, FrameKind.GoAway, Encoding.ASCII.GetBytes(Messages[0])),
                    1 => RawPeer.Frame(0, FrameKind.Close, [0, 0, .. "bye"u8]),
                    2 => RawPeer.Frame(0, FrameKind.Unbind, "{\"id\":1}"u8),
                    _ => RawPeer.Frame(0, FrameKind.Bind, Encoding.ASCII.GetBytes(Messages[1])),
                },
            });
        }

        return bytes.ToArray();
    }

    /// <summary>Spoils some of it: bits, bytes, lengths, pieces lost, doubled or in the wrong place.</summary>
    public static byte[] Mutate(Random random, byte[] bytes)
    {
        List<byte> changed = [.. bytes];
        for (int times = random.Next(0, 6); times > 0 && changed.Count > 0; times--)
        {
            int at = random.Next(changed.Count);
            switch (random.Next(6))
            {
                case 0:
                    changed[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    changed[at] = (byte)random.Next(256);
                    break;
                case 2:
                    changed.RemoveRange(at, Math.Min(random.Next(1, 20), changed.Count - at));
                    break;
                case 3:
                    byte[] piece = changed.GetRange(at, Math.Min(random.Next(1, 50), changed.Count - at)).ToArray();
                    changed.InsertRange(random.Next(changed.Count + 1), piece);
                    break;
                case 4:
                    changed.Insert(at, (byte)random.Next(256));
                    break;
                default:
                    changed.RemoveRange(at, changed.Count - at);
                    break;
            }
        }

        return [.. changed];
    }

    private static byte[] Bytes(Random random, int most)
    {
        byte[] bytes = new byte[random.Next(most)];
        random.NextBytes(bytes);
        return bytes;
    }
}
