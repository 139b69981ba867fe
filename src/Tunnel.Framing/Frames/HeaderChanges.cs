namespace Tunnel.Framing.Frames;

/// <summary>Fields that the server changes in the heads of a tunnel's requests and answers (docs/protocol.md, section 6, BIND).</summary>
public sealed record HeaderChanges
{
    /// <summary>Fields in each of the four lists.</summary>
    public const int MostFields = 32;

    /// <summary>Of all texts together, so that they fit into a BIND beside the largest guard.</summary>
    public const int MostBytes = 8 * 1024;

    private const int MostNameLength = 64;
    private const string TokenCharacters = "!#$%&'*+-.^_`|~";

    // What frames a message, belongs to one connection, or is the server's word on who the visitor is.
    private static readonly HashSet<string> s_notInRequests = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect", "Via",
        "Forwarded", "X-Real-IP", "X-Request-ID",
    };

    private static readonly HashSet<string> s_notInAnswers = new(StringComparer.OrdinalIgnoreCase)
    {
        "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Trailer",
    };

    private static readonly string[] s_families = ["X-Forwarded-", "Proxy-", "Tunnel-"];

    /// <summary><c>NAME: VALUE</c> each: takes the place of every field of this name, or is added.</summary>
    public IReadOnlyList<string>? RequestSet { get; init; }

    /// <summary>Names of fields that are left out.</summary>
    public IReadOnlyList<string>? RequestRemove { get; init; }

    /// <summary>The same on the way back, in answers of the origin.</summary>
    public IReadOnlyList<string>? AnswerSet { get; init; }

    public IReadOnlyList<string>? AnswerRemove { get; init; }

    /// <summary>A field as name and value; null when it is none.</summary>
    public static (string Name, string Value)? Split(string field)
    {
        int colon = field.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? null : (field[..colon], field[(colon + 1)..].Trim(' ', '\t'));
    }

    /// <summary>Null, or what is wrong with a field to be set, as the end of a sentence.</summary>
    public static string? FindFieldFault(string field, bool isAnswer) => Split(field) is not { } parts
        ? "is not NAME: VALUE"
        : FindNameFault(parts.Name, isAnswer) ?? (parts.Value.All(c => c is '\t' or (>= ' ' and < (char)0x7F)) ? null : "has a value that cannot be sent; it takes visible ASCII");

    /// <summary>Null, or what is wrong with the name of a field, as the end of a sentence.</summary>
    public static string? FindNameFault(string name, bool isAnswer)
    {
        if (name.Length is 0 or > MostNameLength || name.Any(c => !char.IsAsciiLetterOrDigit(c) && !TokenCharacters.Contains(c, StringComparison.Ordinal)))
        {
            return "has no name that a header can have";
        }

        return (isAnswer ? s_notInAnswers : s_notInRequests).Contains(name) || s_families.Any(family => name.StartsWith(family, StringComparison.OrdinalIgnoreCase))
            ? "names a header that is not yours to change: it frames the message, belongs to one connection, or says who the visitor is"
            : null;
    }

    internal string? FindFault()
    {
        IReadOnlyList<string>?[] lists = [RequestSet, RequestRemove, AnswerSet, AnswerRemove];
        if (lists.Any(list => list?.Count > MostFields) || lists.Sum(list => list?.Sum(text => (long)(text?.Length ?? 0)) ?? 0) > MostBytes)
        {
            return $"changes more than {MostFields} headers, or in more than {MostBytes} bytes";
        }

        if (lists.Any(list => list?.Any(text => text is null) ?? false))
        {
            return "changes a header that is null";
        }

        return FindFault(RequestSet, RequestRemove, isAnswer: false) ?? FindFault(AnswerSet, AnswerRemove, isAnswer: true);
    }

    private static string? FindFault(IReadOnlyList<string>? set, IReadOnlyList<string>? remove, bool isAnswer) =>
        (set ?? []).Select(field => FindFieldFault(field, isAnswer)).Concat((remove ?? []).Select(name => FindNameFault(name, isAnswer)))
            .FirstOrDefault(fault => fault is not null) is { } bad ? $"has a header that {bad}" : null;
}
