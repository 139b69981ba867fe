using Tunnel.Hosting;

namespace Tunnel.Server.Forwarding;

/// <summary>Where visitors find what a code means: an address with <c>{code}</c> in it, or one that the code is put behind as a fragment. Immutable.</summary>
public sealed class ErrorsUrl
{
    private const string Place = "{code}";
    private const int MostCharacters = 1024;

    private readonly string _template;

    private ErrorsUrl(string template) => _template = template;

    /// <summary>The address for one code.</summary>
    public string Of(string code) => _template.Replace(Place, code, StringComparison.Ordinal);

    /// <summary>Reads the value of <c>--errors-url</c>.</summary>
    /// <exception cref="ArgumentException">It is none; the message says what is taken.</exception>
    public static ErrorsUrl Parse(string text) => Read(text) is (var url, null) ? url! : throw new ArgumentException($"--errors-url: {Read(text).Fault}");

    /// <summary>The same, with what is wrong as the end of a sentence.</summary>
    internal static (ErrorsUrl? Value, string? Fault) Read(string text)
    {
        string template = text.Contains(Place, StringComparison.Ordinal) ? text : $"{text}#{Place}";
        bool isUrl = template.Length <= MostCharacters
            && template.All(static c => c is > ' ' and < (char)0x7F && c is not ('"' or '<' or '>' or '\\'))
            && Uri.TryCreate(template.Replace(Place, "code", StringComparison.Ordinal), UriKind.Absolute, out Uri? url)
            && url.Scheme is "http" or "https" && url.UserInfo.Length == 0
            && template.Count('#') <= 1;
        return isUrl
            ? (new ErrorsUrl(template), null)
            : (null, $"'{Printable.Of(text)}' is not an address like https://tunnel.com/errors, which gets #CODE, or https://tunnel.com/errors/{Place}.");
    }

    public override string ToString() => _template;
}
