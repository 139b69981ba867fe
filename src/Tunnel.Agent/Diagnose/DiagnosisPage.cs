using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Tunnel.Hosting.Errors;

namespace Tunnel.Agent.Diagnose;

/// <summary>What is written of a diagnosis: for a person at 80 columns, or for a program.</summary>
internal static class DiagnosisPage
{
    private const int Width = 79;
    private const int Indent = 10;

    /// <summary>One step, in lines.</summary>
    public static string Of(DiagnosisStep step)
    {
        var page = new StringBuilder();
        string verdict = WordOf(step.Verdict).PadRight(Indent - 1);
        if (step.Verdict == StepVerdict.Skipped)
        {
            page.Append(verdict);
            Wrap(page, $"{step.FullTitle}, {string.Join(' ', step.Says)}", Indent - 1);
            return page.ToString();
        }

        string time = step.Time.TotalSeconds >= 10 ? $"{step.Time.TotalSeconds:0} s" : $"{step.Time.TotalMilliseconds:0} ms";
        page.Append(verdict).Append(' ').Append(step.FullTitle.PadRight(Math.Max(step.FullTitle.Length, Width - Indent - 1 - time.Length))).Append(' ').Append(time);
        foreach (string sentence in step.Says)
        {
            Wrap(page, sentence);
        }

        foreach (KnownError error in step.Errors)
        {
            Wrap(page, $"Next: {error.NextStep}");
        }

        return page.ToString();
    }

    /// <summary>The last line.</summary>
    public static string Summary(IReadOnlyList<DiagnosisStep> steps)
    {
        int failed = steps.Count(step => step.Verdict == StepVerdict.Failed);
        int warnings = steps.Count(step => step.Verdict == StepVerdict.Warning);
        string some = warnings == 0 ? "" : warnings == 1 ? ", with one warning" : $", with {warnings} warnings";
        return failed == 0
            ? $"All is well{some}."
            : $"{(failed == 1 ? "One step" : $"{failed} steps")} failed{some}. Begin with the first: {steps.First(step => step.Verdict == StepVerdict.Failed).FullTitle}.";
    }

    /// <summary>All of it as JSON.</summary>
    public static string Json(string server, IReadOnlyList<DiagnosisStep> steps)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("software", Product.Software);
            json.WriteString("server", server);
            json.WriteBoolean("ok", steps.All(step => step.Verdict != StepVerdict.Failed));
            json.WriteStartArray("steps");
            foreach (DiagnosisStep step in steps)
            {
                Write(json, step);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, DiagnosisStep step)
    {
        json.WriteStartObject();
        json.WriteString("step", step.Id);
        if (step.Tunnel.Length > 0)
        {
            json.WriteString("tunnel", step.Tunnel);
        }

        json.WriteString("verdict", WordOf(step.Verdict));
        json.WriteNumber("milliseconds", Math.Round(step.Time.TotalMilliseconds, 1));
        json.WriteStartArray("says");
        foreach (string sentence in step.Says)
        {
            json.WriteStringValue(sentence);
        }

        json.WriteEndArray();
        json.WriteStartArray("errors");
        foreach (KnownError error in step.Errors)
        {
            json.WriteStartObject();
            json.WriteString("code", error.Code);
            json.WriteString("party", error.Party.ToString().ToLowerInvariant());
            json.WriteString("next", error.NextStep);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string WordOf(StepVerdict verdict) => verdict switch
    {
        StepVerdict.Ok => "ok",
        StepVerdict.Warning => "warning",
        StepVerdict.Failed => "failed",
        _ => "skipped",
    };

    private static void Wrap(StringBuilder page, string sentence, int column = Width)
    {
        foreach (string word in sentence.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (column + 1 + word.Length > Width)
            {
                page.Append('\n').Append(' ', Indent);
                column = Indent;
            }
            else
            {
                page.Append(' ');
                column++;
            }

            page.Append(word);
            column += word.Length;
        }
    }
}
