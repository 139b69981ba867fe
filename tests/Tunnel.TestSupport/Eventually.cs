using System.Runtime.CompilerServices;

namespace Tunnel.TestSupport;

/// <summary>
/// The last resort for what gives no signal: the state of the kernel, of another process, of the collector. Whatever
/// lives in this process signals instead (<see cref="Tally"/>, a task).
/// </summary>
public static class Eventually
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(5);

    /// <exception cref="TimeoutException">It never became true.</exception>
    public static Task TrueAsync(
        Func<bool> condition, TimeSpan? limit = null, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(() => Task.FromResult(condition()), limit, what);

    /// <inheritdoc cref="TrueAsync(Func{bool}, TimeSpan?, string)"/>
    public static async Task TrueAsync(
        Func<Task<bool>> condition, TimeSpan? limit = null, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        using var guard = new CancellationTokenSource(limit ?? TimeLimit.Default);
        while (!await condition())
        {
            if (guard.IsCancellationRequested)
            {
                throw new TimeoutException($"Never became true: {what}");
            }

            await Task.Delay(Glance, TimeProvider.System, CancellationToken.None);
        }
    }
}
