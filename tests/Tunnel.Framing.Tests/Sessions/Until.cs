namespace Tunnel.Framing.Tests.Sessions;

/// <summary>Waits for what nothing signals: gives way to the other tasks until it is so.</summary>
internal static class Until
{
    public static Task TrueAsync(
        Func<bool> condition, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))] string what = "")
    {
        return Poll().Within(what: what);

        async Task Poll()
        {
            while (!condition())
            {
                await Task.Yield();
            }
        }
    }
}
