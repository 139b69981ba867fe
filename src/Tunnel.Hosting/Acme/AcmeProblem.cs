using System.Text.Json;

namespace Tunnel.Hosting.Acme;

/// <summary>What a CA says is wrong (RFC 8555 section 6.7, RFC 9457).</summary>
/// <param name="Type">The error behind <c>urn:ietf:params:acme:error:</c>, like <c>rateLimited</c>; empty: one of no known space.</param>
/// <param name="Detail">For people; printable, and not long.</param>
public sealed record AcmeProblem(string Type, string Detail)
{
    private const string Space = "urn:ietf:params:acme:error:";
    private const int MostSubproblems = 10;

    /// <summary>Reads a problem document; null: it is none.</summary>
    public static AcmeProblem? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, AcmeJson.Default.ProblemDocument) is { } document ? Of(document) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The same where it is a member of something else.</summary>
    public static AcmeProblem? Read(JsonElement? json)
    {
        try
        {
            return json is { ValueKind: JsonValueKind.Object } element && element.Deserialize(AcmeJson.Default.ProblemDocument) is { } document ? Of(document) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>As a log has it: a sentence.</summary>
    public override string ToString() => Type.Length == 0 ? $"{Detail.TrimEnd('.')}." : $"{Detail.TrimEnd('.')} ({Type}).";

    // Of several names the CA says for each what is wrong with it; the whole then says only that something is.
    private static AcmeProblem? Of(ProblemDocument document)
    {
        if (document.Type is null && document.Detail is null)
        {
            return null;
        }

        IEnumerable<ProblemDocument> parts = (document.Subproblems ?? []).Where(static part => part is not null).Take(MostSubproblems);
        string type = document.Type ?? "";
        if (TypeOf(type) is "" or "compound" && parts.FirstOrDefault() is { Type: { } first })
        {
            type = first;
        }

        string detail = string.Join(' ', new[] { document.Detail }.Concat(parts.Select(static part => $"{part.Identifier?.Value}: {part.Detail}")).OfType<string>());
        return new AcmeProblem(TypeOf(type), Printable.Of(detail));
    }

    private static string TypeOf(string type) =>
        type.StartsWith(Space, StringComparison.Ordinal) && type.Length <= Space.Length + 64 && type.AsSpan(Space.Length).IndexOfAnyExcept(Letters) < 0 ? type[Space.Length..] : "";

    private static readonly System.Buffers.SearchValues<char> Letters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}
