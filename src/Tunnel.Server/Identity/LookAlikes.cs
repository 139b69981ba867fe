using System.Globalization;
using System.Text;

namespace Tunnel.Server.Identity;

/// <summary>
/// What a name in punycode looks like to a person (after UTS 39, cut down to the letters that pass for ASCII). Not a
/// complete table of confusables: the rule that a label has one alphabet does most of the work.
/// </summary>
internal static class LookAlikes
{
    public const string EncodedPrefix = "xn--";

    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    private static readonly Dictionary<char, char> Twins = Pairs(
        "аaсcеeоoрpхxуyіiјjѕsһhԁdԛqԝwкkмmтtнhвbгrпnӏl"
        + "αaοoνvρpτtυuχxιiκkεeωwγyηn"
        + "àaáaâaãaäaåaāaăaąaçcćcĉcċcčcďdđdèeéeêeëeēeĕeėeęeěeĝgğgġgģgĥhħhìiíiîiïiĩiīiĭiįiıiĵjķkĺlļlľlłlñnńnņnňnòoóoôoõoöoøoōoŏoőo"
        + "ŕrŗrřrśsŝsşsšsţtťtŧtùuúuûuüuũuūuŭuůuűuųuŵwýyÿyŷyźzżzžzɑaɡgɩiʟlɴn");

    private enum Alphabet
    {
        /// <summary>Digits, hyphens and whatever else goes with every alphabet.</summary>
        Any,
        Latin,
        Greek,
        Cyrillic,
        Other,
    }

    /// <summary>False when the label is no punycode, or mixes alphabets; else what it looks like in ASCII.</summary>
    public static bool TryRead(string label, out string skeleton)
    {
        skeleton = "";
        string unicode;
        try
        {
            unicode = Idn.GetUnicode(label);
        }
        catch (ArgumentException)
        {
            return false;
        }

        if (unicode.StartsWith(EncodedPrefix, StringComparison.Ordinal)
            || unicode.Any(c => !char.IsLetterOrDigit(c) && c != '-' && CharUnicodeInfo.GetUnicodeCategory(c) is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark))
            || unicode.Select(AlphabetOf).Where(alphabet => alphabet != Alphabet.Any).Distinct().Count() > 1)
        {
            return false;
        }

        var looks = new StringBuilder();
        foreach (char c in unicode)
        {
            // Marks over and under letters do not change what a glance sees.
            if (CharUnicodeInfo.GetUnicodeCategory(c) is not UnicodeCategory.NonSpacingMark)
            {
                looks.Append(Twins.GetValueOrDefault(c, c));
            }
        }

        skeleton = looks.ToString();
        return true;
    }

    private static Alphabet AlphabetOf(char c) => c switch
    {
        _ when !char.IsLetter(c) => Alphabet.Any,
        <= '\u02AF' or (>= '\u1E00' and <= '\u1EFF') => Alphabet.Latin,
        (>= '\u0370' and <= '\u03FF') or (>= '\u1F00' and <= '\u1FFF') => Alphabet.Greek,
        >= '\u0400' and <= '\u052F' => Alphabet.Cyrillic,
        _ => Alphabet.Other,
    };

    private static Dictionary<char, char> Pairs(string twins)
    {
        var pairs = new Dictionary<char, char>();
        for (int i = 0; i < twins.Length; i += 2)
        {
            pairs[twins[i]] = twins[i + 1];
        }

        return pairs;
    }
}
