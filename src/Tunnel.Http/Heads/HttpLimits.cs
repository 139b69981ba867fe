namespace Tunnel.Http.Heads;

/// <summary>
/// How much of a message may arrive before it is refused; all sizes in bytes, line ends included. A limit is checked
/// before more is buffered, so a peer never makes us hold more than these. The defaults are those of docs/operating.md,
/// "Limits".
/// </summary>
public sealed record HttpLimits
{
    /// <summary>The defaults, shared.</summary>
    public static HttpLimits Default { get; } = new();

    /// <summary>Longest request or status line (RFC 9112 section 3 asks for at least 8,000).</summary>
    public int MaxStartLineBytes { get; init; } = 8 * 1024;

    /// <summary>Longest head in all: start line, fields and the empty line. Also the bound of a trailer section.</summary>
    public int MaxHeadBytes { get; init; } = 32 * 1024;

    /// <summary>Most field lines in a head, and most in a trailer section.</summary>
    public int MaxFields { get; init; } = 100;

    /// <summary>Longest chunk-size line, extensions included (RFC 9112 section 7.1.1 asks for a bound).</summary>
    public int MaxChunkLineBytes { get; init; } = 1024;

    /// <summary>
    /// Most bytes of chunk framing that may pile up beyond what the content excuses (16 for each chunk and two for each
    /// content byte), so that a body cannot consist of chunk extensions.
    /// </summary>
    public int MaxChunkOverheadBytes { get; init; } = 16 * 1024;

    /// <summary>Checks that the numbers make sense together and returns this record.</summary>
    /// <exception cref="ArgumentException">A limit is out of its range; the message names it.</exception>
    public HttpLimits Validate()
    {
        Require(MaxStartLineBytes is >= 256 and <= 1024 * 1024, nameof(MaxStartLineBytes), "between 256 bytes and 1 MiB");
        Require(MaxHeadBytes is >= 512 and <= 4 * 1024 * 1024, nameof(MaxHeadBytes), "between 512 bytes and 4 MiB");
        Require(MaxHeadBytes >= MaxStartLineBytes, nameof(MaxHeadBytes), "at least MaxStartLineBytes");
        Require(MaxFields is >= 1 and <= 10_000, nameof(MaxFields), "between 1 and 10,000");
        Require(MaxChunkLineBytes is >= 32 and <= 64 * 1024, nameof(MaxChunkLineBytes), "between 32 bytes and 64 KiB");
        Require(MaxChunkOverheadBytes >= MaxChunkLineBytes, nameof(MaxChunkOverheadBytes), "at least MaxChunkLineBytes");
        return this;
    }

    private static void Require(bool holds, string limit, string range)
    {
        if (!holds)
        {
            throw new ArgumentException($"{limit} must be {range}.", limit);
        }
    }
}
