using System.Text;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Tests.Wire;

/// <summary>Everything a parser said about some bytes; equal verdicts mean equal readings.</summary>
internal sealed record Verdict(string Outcome, RejectReason Reason, int Consumed, string Model)
{
    public static readonly Encoding Bytes = Encoding.Latin1;

    public static string Describe(RequestHead head) => string.Join('\n',
        Text(head.MethodName), head.Method, Text(head.RawTarget), Text(head.Target), head.TargetForm, head.Version,
        Text(head.Authority), Text(head.HostName), head.Port, head.Framing, head.KeepAlive, head.ExpectsContinue,
        Text(head.Upgrade), head.MaxForwards, Describe(head.Headers));

    /// <summary>What must survive being written and read again: everything but the spelling of target and version.</summary>
    public static string DescribeMeaning(RequestHead head) => string.Join('\n',
        Text(head.MethodName), Text(head.Target), Text(head.Authority), Text(head.HostName), head.Port, head.Framing,
        head.ExpectsContinue, Text(head.Upgrade), head.MaxForwards, DescribeUnframed(head.Headers));

    public static string Describe(ResponseHead head) => string.Join('\n',
        head.Version, DescribeMeaning(head), head.KeepAlive, Describe(head.Headers));

    public static string DescribeMeaning(ResponseHead head) => string.Join('\n',
        head.Status, Text(head.ReasonPhrase), head.Framing, Text(head.Upgrade), DescribeUnframed(head.Headers));

    public static string Describe(HeaderList headers)
    {
        var text = new StringBuilder();
        foreach (var field in headers)
        {
            text.Append(field.Id).Append(' ').Append(Text(field.Name)).Append(": ").Append(Text(field.Value)).Append('\n');
        }

        return text.ToString();
    }

    public static string Text(ReadOnlySpan<byte> bytes) => Bytes.GetString(bytes);

    private static string DescribeUnframed(HeaderList headers) => string.Join('\n', Describe(headers).Split('\n').Where(
        static line => !line.StartsWith("ContentLength", StringComparison.Ordinal)
            && !line.StartsWith("TransferEncoding", StringComparison.Ordinal)));
}
