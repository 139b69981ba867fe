using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>
/// The parameters of a <c>Keep-Alive</c> field: how long and how often its sender will reuse the connection. Informal
/// (RFC 9112 appendix C.2.2), so what cannot be read counts as not said.
/// </summary>
/// <param name="TimeoutSeconds">Idle time after which the sender closes, in seconds; null when not said.</param>
/// <param name="MaxRequests">Requests the connection still serves; null when not said.</param>
public readonly record struct KeepAliveHint(long? TimeoutSeconds, long? MaxRequests)
{
    /// <summary>How long to keep an idle connection of the sender: so long, unless it says less.</summary>
    public TimeSpan Shorten(TimeSpan time) =>
        TimeoutSeconds is { } seconds && seconds < time.TotalSeconds ? TimeSpan.FromSeconds(seconds) : time;

    /// <summary>Reads the hint; call it before <see cref="HopByHop.Remove"/> takes the field away.</summary>
    public static KeepAliveHint Read(HeaderList headers)
    {
        var hint = default(KeepAliveHint);
        foreach (var member in headers.Members(KnownHeader.KeepAlive))
        {
            var equals = member.IndexOf((byte)'=');
            if (equals < 0 || DecimalNumber.Read(member[(equals + 1)..], out var number) != NumberVerdict.Fine)
            {
                continue;
            }

            var name = member[..equals];
            hint = Ascii.EqualsIgnoreCase(name, "timeout"u8) ? hint with { TimeoutSeconds = number }
                : Ascii.EqualsIgnoreCase(name, "max"u8) ? hint with { MaxRequests = number }
                : hint;
        }

        return hint;
    }
}
