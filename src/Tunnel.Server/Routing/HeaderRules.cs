using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Routing;

/// <summary>The fields that are changed in the heads of one direction, as the tunnel's agent asked. Immutable.</summary>
internal sealed class HeaderRules
{
    private readonly (byte[] Name, byte[] Value)[] _set;
    private readonly byte[][] _unknown;

    private HeaderRules(IReadOnlyList<string> set, IReadOnlyList<string> remove)
    {
        _set = [.. set.Select(field => HeaderChanges.Split(field)!.Value).Select(field => (Bytes(field.Name), Bytes(field.Value)))];
        byte[][] all = [.. _set.Select(field => field.Name), .. remove.Select(Bytes)];
        Known = default(HeaderSet).And([.. all.Select(name => KnownHeaders.Find(name)).Where(known => known != KnownHeader.Unknown)]);
        _unknown = [.. all.Where(name => KnownHeaders.Find(name) == KnownHeader.Unknown)];
    }

    /// <summary>Of what is left out, or written anew: the fields with a name known to us.</summary>
    public HeaderSet Known { get; }

    /// <summary>The names of the others.</summary>
    public ReadOnlySpan<byte[]> Unknown => _unknown;

    /// <summary>Null: nothing is changed.</summary>
    public static HeaderRules? OfRequests(HeaderChanges? changes) => Of(changes?.RequestSet, changes?.RequestRemove);

    /// <inheritdoc cref="OfRequests"/>
    public static HeaderRules? OfAnswers(HeaderChanges? changes) => Of(changes?.AnswerSet, changes?.AnswerRemove);

    /// <summary>Writes the fields that are set. The caller has left all others of these names out.</summary>
    public void WriteSet(ref HeadWriter writer)
    {
        foreach ((byte[] name, byte[] value) in _set)
        {
            writer.Field(name, value);
        }
    }

    /// <summary>Makes the changes in a head that was read, for good.</summary>
    public void Apply(HeaderList headers)
    {
        headers.RemoveAll(Known);
        foreach (byte[] name in _unknown)
        {
            headers.Remove(name);
        }

        foreach ((byte[] name, byte[] value) in _set)
        {
            headers.Add(name, value);
        }
    }

    private static HeaderRules? Of(IReadOnlyList<string>? set, IReadOnlyList<string>? remove) =>
        set is not { Count: > 0 } && remove is not { Count: > 0 } ? null : new HeaderRules(set ?? [], remove ?? []);

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);
}
