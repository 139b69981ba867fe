using Tunnel.Hosting.Files;
using Tunnel.Hosting.Options;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Tunnel.Hosting.Settings;

/// <summary>
/// Reads a settings file in YAML into a tree that knows the place of everything in it. What a file has no need for (anchors,
/// tags, several documents) is told, not guessed at.
/// </summary>
public static class SettingFile
{
    /// <summary>The option that names the file, and the one key that it cannot have.</summary>
    public const string OptionName = "config";

    private const int MostBytes = 1024 * 1024;
    private const int MostDepth = 16;

    /// <summary><c>--config</c>, of every command that reads the file.</summary>
    /// <param name="usually">Where it is without the option, in words.</param>
    public static OptionDeclaration<TOptions> Declare<TOptions>(string usually, Func<TOptions, string?> get, Func<TOptions, string, TOptions> set) =>
        Options.Declare<TOptions>.Path(OptionName, "FILE", "The settings file.", get, set) with { DefaultInWords = usually };

    /// <param name="environment">The value of a variable, for <c>${NAME}</c>.</param>
    /// <param name="faults">Takes what is wrong; what could be read is returned all the same.</param>
    /// <returns>Null: it cannot be read at all.</returns>
    public static SettingMap? Read(string path, Func<string, string?> environment, OptionFaults faults)
    {
        try
        {
            return Parse(OutsideFile.ReadText(path, MostBytes, mayBePipe: true), path, environment, faults);
        }
        catch (OutsideFileException error)
        {
            faults.Add(error.Message);
            return null;
        }
    }

    /// <summary>The same for a text.</summary>
    /// <param name="name">What the file is called in messages.</param>
    public static SettingMap? Parse(string text, string name, Func<string, string?> environment, OptionFaults faults)
    {
        string file = Printable.Of(name);
        try
        {
            var parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
            return new Builder(parser, file, System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(name)) ?? "", environment, faults).ReadFile();
        }
        catch (YamlException error)
        {
            faults.Add(FindTab(text) is { } line
                ? $"{file}:{line}:1: a tab stands at the begin of the line; YAML takes spaces only."
                : $"{At(file, error.Start)}: this is no YAML: {Printable.Of(error.Message)}");
            return null;
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            // The parser's own slips on what is no YAML either.
            faults.Add($"{file}:1:1: this is no YAML.");
            return null;
        }
    }

    private static string At(string file, Mark mark) => $"{file}:{Math.Max(1, mark.Line)}:{Math.Max(1, mark.Column)}";

    // The commonest slip has the least helpful message, and no place. Lines count from 1.
    private static int? FindTab(string text) => text.Split('\n').Index()
        .Where(line => line.Item.TrimStart(' ').StartsWith('\t'))
        .Select(line => (int?)(line.Index + 1))
        .FirstOrDefault();

    private sealed class Builder(Parser parser, string file, string folder, Func<string, string?> environment, OptionFaults faults)
    {
        public SettingMap ReadFile()
        {
            parser.Consume<StreamStart>();
            if (parser.TryConsume<StreamEnd>(out _))
            {
                return new SettingMap($"{file}:1:1", folder, []);
            }

            parser.Consume<DocumentStart>();
            SettingNode root = ReadNode(0);
            parser.Consume<DocumentEnd>();
            if (!parser.TryConsume<StreamEnd>(out _))
            {
                faults.Add($"{At(file, parser.Current!.Start)}: a second document begins here; the file takes one.");
            }

            if (root is SettingMap map)
            {
                return map;
            }

            if (root is not SettingText { Text: "" })
            {
                faults.Add($"{root.Place}: there should be names with values here, like 'server: tunnel.com:9090', not {root.Kind}.");
            }

            return new SettingMap(root.Place, folder, []);
        }

        private SettingNode ReadNode(int depth)
        {
            ParsingEvent begin = parser.Consume<ParsingEvent>();
            string place = At(file, begin.Start);
            if (begin is NodeEvent { Anchor.IsEmpty: false } or AnchorAlias or NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } })
            {
                faults.Add($"{place}: anchors (&), references (*) and tags (!) are not taken here; write the value itself.");
            }

            if (depth == MostDepth && begin is (MappingStart or SequenceStart))
            {
                throw new YamlException(begin.Start, begin.End, $"nothing is nested deeper than {MostDepth} levels.");
            }

            return begin switch
            {
                Scalar scalar => new SettingText(place, VariableText.Expand(scalar.Value, place, environment, faults)),
                SequenceStart => ReadList(place, depth),
                MappingStart => ReadMap(place, depth),
                _ => new SettingText(place, ""),
            };
        }

        private SettingList ReadList(string place, int depth)
        {
            var items = new List<SettingNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(ReadNode(depth + 1));
            }

            return new SettingList(place, items);
        }

        private SettingMap ReadMap(string place, int depth)
        {
            var entries = new List<SettingEntry>();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                Mark at = parser.Current!.Start;
                SettingNode key = ReadNode(depth + 1);
                SettingNode value = ReadNode(depth + 1);
                string where = At(file, at);
                if (key is not SettingText { Text: { Length: > 0 } name })
                {
                    faults.Add($"{where}: a name is missing here.");
                }
                else if (entries.Find(entry => entry.Key == name) is { } before)
                {
                    faults.Add($"{where}: '{Printable.Of(name)}' stands here for the second time; the first one is at {before.Place}.");
                }
                else
                {
                    entries.Add(new SettingEntry(name, where, value));
                }
            }

            return new SettingMap(place, folder, entries);
        }
    }
}
