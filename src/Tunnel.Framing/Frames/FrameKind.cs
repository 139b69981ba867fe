namespace Tunnel.Framing.Frames;

/// <summary>What a frame says; the low five bits of K (docs/protocol.md, section 2).</summary>
public enum FrameKind : byte
{
    Hello = 0x01,
    Welcome = 0x02,
    Reject = 0x03,
    Ping = 0x04,
    Pong = 0x05,
    Ack = 0x06,
    Close = 0x07,
    Bind = 0x08,
    Bound = 0x09,
    Unbind = 0x0A,
    GoAway = 0x0B,
    Unbound = 0x0C,
    Open = 0x10,
    Data = 0x11,
    Reset = 0x12,
    Credit = 0x13,
}
