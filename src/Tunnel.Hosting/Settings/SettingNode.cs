namespace Tunnel.Hosting.Settings;

/// <summary>A piece of a settings file, and where it begins.</summary>
/// <param name="Place">As messages begin: <c>FILE:LINE:COLUMN</c>.</param>
public abstract record SettingNode(string Place)
{
    /// <summary>What it is, for messages.</summary>
    public abstract string Kind { get; }
}

/// <summary>A text: numbers, true and false are read as the option wants them.</summary>
public sealed record SettingText(string Place, string Text) : SettingNode(Place)
{
    public override string Kind => Text.Length == 0 ? "nothing" : "a single value";
}

/// <summary>Several values in a row.</summary>
public sealed record SettingList(string Place, IReadOnlyList<SettingNode> Items) : SettingNode(Place)
{
    public override string Kind => "a list";
}

/// <summary>Values with names, in the order of the file; no name stands twice.</summary>
/// <param name="Folder">Of the file: paths in it are relative to that.</param>
public sealed record SettingMap(string Place, string Folder, IReadOnlyList<SettingEntry> Entries) : SettingNode(Place)
{
    public override string Kind => "names with values";

    /// <summary>Null: there is no such name.</summary>
    public SettingEntry? Find(string key) => Entries.FirstOrDefault(entry => entry.Key == key);
}

/// <param name="Place">Of the key.</param>
public sealed record SettingEntry(string Key, string Place, SettingNode Value);
