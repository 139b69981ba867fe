using Tunnel.Hosting.Acme;

namespace Tunnel.Server.Certificates.Acme;

/// <summary>When a certificate is asked for (docs/certificates.md, "When"). Pure; times are UTC.</summary>
internal static class RenewalPlan
{
    /// <summary>Between a certificate and the next one for the same name.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromHours(1);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(2);

    /// <summary>Between tries when the CA does not answer, which costs nobody anything.</summary>
    private static readonly TimeSpan LongestOutage = TimeSpan.FromHours(1);

    /// <summary>Between tries when it says no: CAs count these.</summary>
    private static readonly TimeSpan LongestRefusal = TimeSpan.FromHours(12);

    /// <summary>When to renew: at a moment of the CA's window, else when two thirds of the lifetime are over.</summary>
    /// <param name="spread">0 to 1, this certificate's own: where within the window, so that many do not come at once.</param>
    public static DateTimeOffset RenewAt(DateTimeOffset notBefore, DateTimeOffset notAfter, RenewalInfo? window, double spread)
    {
        if (window is not null)
        {
            return window.Start + ((window.End - window.Start) * spread);
        }

        TimeSpan life = notAfter - notBefore;
        return notBefore + (life * 2 / 3) + (life / 50 * spread);
    }

    /// <summary>How long to wait after a try that failed.</summary>
    /// <param name="failures">In a row, this one included.</param>
    /// <param name="named">By the CA; null: it named no time.</param>
    /// <param name="random">0 to 1.</param>
    public static TimeSpan PauseAfter(int failures, bool isOutage, TimeSpan? named, double random)
    {
        TimeSpan longest = isOutage ? LongestOutage : LongestRefusal;
        TimeSpan grown = FirstPause * Math.Pow(2, Math.Clamp(failures - 1, 0, 12));
        TimeSpan pause = grown < longest ? grown : longest;
        pause += pause / 4 * random;
        return named > pause ? named.Value + (FirstPause * random) : pause;
    }

    /// <summary>When the next try is.</summary>
    public static DateTimeOffset NextTry(KeptTries tries)
    {
        TimeSpan longest = RetryAfter.Longest + FirstPause;
        return tries.At + (tries.Pause < TimeSpan.Zero ? TimeSpan.Zero : tries.Pause > longest ? longest : tries.Pause);
    }
}
