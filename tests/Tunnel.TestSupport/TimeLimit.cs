using System.Runtime.CompilerServices;

namespace Tunnel.TestSupport;

/// <summary>
/// A guard for tests that would otherwise hang: generous enough that no slow machine ever meets it, so it says
/// nothing about speed.
/// </summary>
public static class TimeLimit
{
    /// <summary>30 seconds.</summary>
    public static readonly TimeSpan Default = TimeSpan.FromSeconds(30);

    /// <exception cref="TimeoutException">The task hangs; the message names the waiting expression.</exception>
    public static async Task Within(
        this Task task, TimeSpan? limit = null, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        await GuardAsync(task, limit, what);
        await task;
    }

    /// <inheritdoc cref="Within(Task, TimeSpan?, string)"/>
    public static async Task<T> Within<T>(
        this Task<T> task, TimeSpan? limit = null, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        await GuardAsync(task, limit, what);
        return await task;
    }

    /// <inheritdoc cref="Within(Task, TimeSpan?, string)"/>
    public static Task Within(
        this ValueTask task, TimeSpan? limit = null, [CallerArgumentExpression(nameof(task))] string what = "") =>
        Within(task.AsTask(), limit, what);

    /// <inheritdoc cref="Within(Task, TimeSpan?, string)"/>
    public static Task<T> Within<T>(
        this ValueTask<T> task, TimeSpan? limit = null, [CallerArgumentExpression(nameof(task))] string what = "") =>
        Within(task.AsTask(), limit, what);

    /// <summary>Runs a whole test body on the pool under the guard, even if it blocks.</summary>
    public static Task Run(Func<Task> body, TimeSpan? limit = null) => Task.Run(body).Within(limit, "the test body");

    private static async Task GuardAsync(Task task, TimeSpan? limit, string what)
    {
        if (task.IsCompleted)
        {
            return;
        }

        using var done = new CancellationTokenSource();
        var guard = Task.Delay(limit ?? Default, TimeProvider.System, done.Token);
        if (await Task.WhenAny(task, guard) == guard)
        {
            throw new TimeoutException($"Still waiting for: {what}");
        }

        await done.CancelAsync();
    }
}
