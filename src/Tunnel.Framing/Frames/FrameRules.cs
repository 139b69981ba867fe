namespace Tunnel.Framing.Frames;

/// <summary>The table of docs/protocol.md, section 2, as a judge of headers.</summary>
internal static class FrameRules
{
    private readonly record struct Rule(bool OnStream, int Least, int Most, bool FromServer, bool FromAgent, bool MayFin);

    private const int JsonLeast = 2;

    private static readonly Rule?[] Rules = Build();

    /// <exception cref="ProtocolViolationException">The header may not be sent by <paramref name="sender"/>.</exception>
    public static void Check(in FrameHeader header, LinkRole sender)
    {
        if (header.HasReservedBits || Rules[(int)header.Kind] is not { } rule)
        {
            throw new ProtocolViolationException(CloseCode.UnknownKind, $"Frame kind 0x{header.K:x2} is not known.");
        }

        (CloseCode Code, string Text)? fault =
            header.Length > rule.Most
                ? (CloseCode.FrameTooLarge, $"A payload of {header.Length} bytes is over the {rule.Most} that {header.Kind} may have.")
            : header.Length < rule.Least
                ? (CloseCode.MalformedPayload, $"A payload of {header.Length} bytes is less than {header.Kind} has.")
            : rule.OnStream != (header.StreamId != 0)
                ? (CloseCode.BadStreamId, $"{header.Kind} cannot have RequestId {header.StreamId}.")
            : !(sender == LinkRole.Server ? rule.FromServer : rule.FromAgent)
                ? (CloseCode.UnexpectedFrame, $"{header.Kind} is not for the {sender} to send.")
            : header.IsFin && !rule.MayFin
                ? (CloseCode.UnexpectedFrame, $"{header.Kind} cannot carry FIN.")
            : null;
        if (fault is { } found)
        {
            throw new ProtocolViolationException(found.Code, found.Text);
        }
    }

    private static Rule?[] Build()
    {
        var rules = new Rule?[32];
        void Session(FrameKind kind, int least, int most, bool server = true, bool agent = true) =>
            rules[(int)kind] = new Rule(OnStream: false, least, most, server, agent, MayFin: false);
        void Stream(FrameKind kind, int least, int most, bool server = true, bool agent = true, bool mayFin = false) =>
            rules[(int)kind] = new Rule(OnStream: true, least, most, server, agent, mayFin);

        Session(FrameKind.Hello, JsonLeast, ProtocolLimits.JsonPayload, server: false);
        Session(FrameKind.Welcome, JsonLeast, ProtocolLimits.JsonPayload, agent: false);
        Session(FrameKind.Reject, JsonLeast, ProtocolLimits.JsonPayload, agent: false);
        Session(FrameKind.Ping, sizeof(ulong), sizeof(ulong));
        Session(FrameKind.Pong, sizeof(ulong), sizeof(ulong));
        Session(FrameKind.Ack, sizeof(ulong), sizeof(ulong));
        Session(FrameKind.Close, sizeof(ushort), sizeof(ushort) + ProtocolLimits.Sentence);
        Session(FrameKind.Bind, JsonLeast, ProtocolLimits.BindPayload, server: false);
        Session(FrameKind.Bound, JsonLeast, ProtocolLimits.JsonPayload, agent: false);
        Session(FrameKind.Unbind, JsonLeast, ProtocolLimits.JsonPayload, server: false);
        Session(FrameKind.Unbound, JsonLeast, ProtocolLimits.JsonPayload, agent: false);
        Session(FrameKind.GoAway, JsonLeast, ProtocolLimits.JsonPayload);
        Stream(FrameKind.Open, OpenHeader.LeastSize, ProtocolLimits.AcceptedPayload, agent: false, mayFin: true);
        Stream(FrameKind.Data, 0, ProtocolLimits.AcceptedPayload, mayFin: true);
        Stream(FrameKind.Reset, sizeof(ushort), sizeof(ushort) + ProtocolLimits.Sentence);
        Stream(FrameKind.Credit, sizeof(uint), sizeof(uint));
        return rules;
    }
}
