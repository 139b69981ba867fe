using System.Globalization;
using System.Text;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// The present as a Date field (RFC 9110 section 6.6.1), for answers that come without one. Made once a second. Safe from
/// any thread.
/// </summary>
internal sealed class HttpDate(TimeProvider time)
{
    private volatile Text? _last;

    public ReadOnlySpan<byte> Now
    {
        get
        {
            DateTimeOffset now = time.GetUtcNow();
            long second = now.ToUnixTimeSeconds();
            if (_last is not { } last || last.Second != second)
            {
                _last = last = new Text(second, Encoding.ASCII.GetBytes(now.ToString("R", CultureInfo.InvariantCulture)));
            }

            return last.Bytes;
        }
    }

    private sealed record Text(long Second, byte[] Bytes);
}
