using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Tunnels;

/// <summary>Headers that the server sets or leaves out, on the way to the local server and back.</summary>
public sealed record HeaderOptions
{
    /// <summary><c>NAME: VALUE</c> each.</summary>
    public IReadOnlyList<string> RequestSet { get; init; } = [];

    /// <summary>Names.</summary>
    public IReadOnlyList<string> RequestRemove { get; init; } = [];

    /// <summary><c>NAME: VALUE</c> each.</summary>
    public IReadOnlyList<string> AnswerSet { get; init; } = [];

    /// <summary>Names.</summary>
    public IReadOnlyList<string> AnswerRemove { get; init; } = [];

    internal static IReadOnlyList<OptionDeclaration<HeaderOptions>> Declarations { get; } =
    [
        Declare<HeaderOptions>.Texts(
            "request-header", "NAME:VALUE", "A header that your local server gets in every request, in place of what the visitor sent.", o => o.RequestSet, (o, v) => o with { RequestSet = v }),
        Declare<HeaderOptions>.Texts("request-header-remove", "NAME", "A header that it does not get.", o => o.RequestRemove, (o, v) => o with { RequestRemove = v }),
        Declare<HeaderOptions>.Texts(
            "answer-header", "NAME:VALUE", "A header that visitors get in every answer, in place of what your local server sent.", o => o.AnswerSet, (o, v) => o with { AnswerSet = v }),
        Declare<HeaderOptions>.Texts("answer-header-remove", "NAME", "A header that they do not get.", o => o.AnswerRemove, (o, v) => o with { AnswerRemove = v }),
    ];

    /// <summary>What the server is told; null: nothing is changed.</summary>
    internal HeaderChanges? ToChanges() => IsEmpty
        ? null
        : new HeaderChanges { RequestSet = OrNull(RequestSet), RequestRemove = OrNull(RequestRemove), AnswerSet = OrNull(AnswerSet), AnswerRemove = OrNull(AnswerRemove) };

    internal void Check(string protocol, OptionFaults faults)
    {
        faults.Require(IsEmpty || protocol == TunnelTypes.Http, "--request-header and --answer-header are for --protocol http; over the others there are no headers.");
        Check("--request-header", RequestSet, field => HeaderChanges.FindFieldFault(field, isAnswer: false), faults);
        Check("--request-header-remove", RequestRemove, name => HeaderChanges.FindNameFault(name, isAnswer: false), faults);
        Check("--answer-header", AnswerSet, field => HeaderChanges.FindFieldFault(field, isAnswer: true), faults);
        Check("--answer-header-remove", AnswerRemove, name => HeaderChanges.FindNameFault(name, isAnswer: true), faults);
        faults.Require(
            RequestSet.Concat(RequestRemove).Concat(AnswerSet).Concat(AnswerRemove).Sum(text => text.Length) <= HeaderChanges.MostBytes,
            $"--request-header, --answer-header and their likes take at most {HeaderChanges.MostBytes} bytes together.");
    }

    private bool IsEmpty => RequestSet.Count + RequestRemove.Count + AnswerSet.Count + AnswerRemove.Count == 0;

    private static IReadOnlyList<string>? OrNull(IReadOnlyList<string> list) => list.Count == 0 ? null : list;

    private static void Check(string option, IReadOnlyList<string> texts, Func<string, string?> findFault, OptionFaults faults)
    {
        foreach (string text in texts)
        {
            if (findFault(text) is { } fault)
            {
                // A value may be a secret; the name is not.
                faults.Add($"{option}: '{Printable.Of(text.Split(':')[0])}' {fault}.");
            }
        }

        faults.Require(texts.Count <= HeaderChanges.MostFields, $"{option} takes at most {HeaderChanges.MostFields} headers.");
    }
}
