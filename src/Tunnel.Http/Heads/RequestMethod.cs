using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>The methods of RFC 9110 section 9 and PATCH (RFC 5789); any other token is <see cref="Other"/>.</summary>
public enum RequestMethod
{
    Other,
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

/// <summary>What is known about a method by its definition, and how its name is recognised.</summary>
public static class RequestMethods
{
    /// <summary>Longest method name accepted, in bytes; the longest registered one has 16.</summary>
    internal const int MaxLength = 32;

    extension(RequestMethod method)
    {
        /// <summary>Safe methods ask for nothing to change (RFC 9110 section 9.2.1). An unknown method is not.</summary>
        public bool IsSafe => method is RequestMethod.Get or RequestMethod.Head or RequestMethod.Options or RequestMethod.Trace;

        /// <summary>Repeating an idempotent request has the effect of sending it once (RFC 9110 section 9.2.2).</summary>
        public bool IsIdempotent => method.IsSafe || method is RequestMethod.Put or RequestMethod.Delete;
    }

    /// <summary>
    /// Names are case-sensitive (RFC 9110 section 9.1). A known name in another case is refused and not passed on as an
    /// unknown method: an origin that ignores case would answer <c>head</c> without the body everybody else waits for.
    /// </summary>
    internal static RejectReason Recognise(ReadOnlySpan<byte> name, out RequestMethod method)
    {
        method = RequestMethod.Other;
        if (name.IsEmpty || name.ContainsAnyExcept(Octets.Token))
        {
            return RejectReason.InvalidMethod;
        }

        if (name.Length > MaxLength)
        {
            return RejectReason.MethodTooLong;
        }

        var known = CandidateFor(name, out var candidate);
        if (name.SequenceEqual(known))
        {
            method = candidate;
            return RejectReason.None;
        }

        return Ascii.EqualsIgnoreCase(name, known) ? RejectReason.InvalidMethod : RejectReason.None;
    }

    /// <summary>The only known name these bytes could be, by length and first letter; empty when there is none.</summary>
    private static ReadOnlySpan<byte> CandidateFor(ReadOnlySpan<byte> name, out RequestMethod method)
    {
        switch (name.Length, (byte)(name[0] | 0x20))
        {
            case (3, (byte)'g'):
                method = RequestMethod.Get;
                return "GET"u8;
            case (3, (byte)'p'):
                method = RequestMethod.Put;
                return "PUT"u8;
            case (4, (byte)'h'):
                method = RequestMethod.Head;
                return "HEAD"u8;
            case (4, (byte)'p'):
                method = RequestMethod.Post;
                return "POST"u8;
            case (5, (byte)'p'):
                method = RequestMethod.Patch;
                return "PATCH"u8;
            case (5, (byte)'t'):
                method = RequestMethod.Trace;
                return "TRACE"u8;
            case (6, (byte)'d'):
                method = RequestMethod.Delete;
                return "DELETE"u8;
            case (7, (byte)'c'):
                method = RequestMethod.Connect;
                return "CONNECT"u8;
            case (7, (byte)'o'):
                method = RequestMethod.Options;
                return "OPTIONS"u8;
            default:
                method = RequestMethod.Other;
                return default;
        }
    }
}
