using System.Text;

namespace Tunnel.Agent.Console;

/// <summary>What a terminal makes of styles.</summary>
internal enum TextStyles
{
    /// <summary>No escape sequences.</summary>
    None,

    /// <summary>Bold, and no colours.</summary>
    Bold,

    /// <summary>Bold and the eight colours that every terminal has, in the shades its person chose.</summary>
    Colors,
}

/// <summary>How a text looks.</summary>
/// <param name="IsQuiet">It only says what stands beside it.</param>
internal readonly record struct Look(Mood Mood = Mood.Plain, bool IsStrong = false, bool IsQuiet = false)
{
    public static readonly Look Label = new(IsQuiet: true);

    public static readonly Look Strong = new(IsStrong: true);

    /// <summary>The parameters of SGR (ECMA-48, section 8.3.117); empty: the terminal's own look.</summary>
    public string Sequence(TextStyles styles)
    {
        string color = styles != TextStyles.Colors ? "" : IsQuiet ? "90" : Mood switch { Mood.Good => "32", Mood.Doubtful => "33", Mood.Bad => "31", _ => "" };
        return styles == TextStyles.None || !IsStrong ? color : color.Length == 0 ? "1" : $"1;{color}";
    }
}

/// <summary>A text in its column.</summary>
/// <param name="Width">In characters; what is longer is cut. 0: all that is left of the line, and as many lines as it takes.</param>
internal readonly record struct TextCell(string Text, int Width = 0, Look Look = default, bool IsRight = false);

/// <summary>Lays out printable ASCII, one column for each character, as lines that are never wider than the terminal.</summary>
internal sealed class TextLayout(int width, TextStyles styles)
{
    /// <summary>Between two cells.</summary>
    public const int Gap = 2;

    private readonly StringBuilder _line = new();

    public List<string> Lines { get; } = [];

    /// <summary>Text of at most this length: the end of a longer one is two dots.</summary>
    public static string Cut(string text, int width) => text.Length <= width ? text : width < 2 ? text[..Math.Max(0, width)] : $"{text[..(width - 2)]}..";

    /// <summary>One row. Only its last cell may take what is left.</summary>
    public void Add(params IEnumerable<TextCell> cells)
    {
        int column = 0;
        int written = 0;
        foreach (TextCell cell in cells)
        {
            int room = width - column;
            if (room <= 0)
            {
                break;
            }

            if (cell.Width == 0)
            {
                foreach (string piece in Wrap(cell.Text, room))
                {
                    written = Write(piece, column, written, cell.Look);
                    End();
                    written = 0;
                }

                return;
            }

            string text = Cut(cell.Text, Math.Min(cell.Width, room));
            int start = cell.IsRight ? Math.Min(column + cell.Width, width) - text.Length : column;
            written = Write(text, start, written, cell.Look);
            column += cell.Width + Gap;
        }

        End();
    }

    /// <summary>A text of its own, so far from the edge.</summary>
    public void AddText(string text, Look look, int indent = 0)
    {
        foreach (string piece in Wrap(text, Math.Max(1, width - indent)))
        {
            Write(piece, indent, 0, look);
            End();
        }
    }

    private int Write(string text, int column, int written, Look look)
    {
        if (text.Length == 0)
        {
            return written;
        }

        string sequence = look.Sequence(styles);
        _line.Append(' ', column - written);
        _ = sequence.Length == 0 ? _line.Append(text) : _line.Append($"\e[{sequence}m{text}\e[0m");
        return column + text.Length;
    }

    private void End()
    {
        Lines.Add(_line.ToString());
        _line.Clear();
    }

    // Between words; inside one only if it is longer than a line.
    private static IEnumerable<string> Wrap(string text, int room)
    {
        string rest = text.Trim(' ');
        while (rest.Length > room)
        {
            int space = rest.LastIndexOf(' ', room);
            int end = space > 0 ? space : room;
            yield return rest[..end].TrimEnd(' ');
            rest = rest[end..].TrimStart(' ');
        }

        yield return rest;
    }
}
