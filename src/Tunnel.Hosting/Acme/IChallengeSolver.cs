namespace Tunnel.Hosting.Acme;

/// <summary>One way to show a CA that a name is ours.</summary>
public interface IChallengeSolver
{
    /// <summary>Like <c>http-01</c>.</summary>
    public string Type { get; }

    /// <summary>Puts the proof where the CA looks for it.</summary>
    /// <param name="name">Lower case, without <c>*.</c>.</param>
    /// <param name="token">As the CA gave it; base64url.</param>
    /// <param name="authorization">RFC 8555 section 8.1.</param>
    /// <returns>Takes it away again when disposed of.</returns>
    /// <exception cref="AcmeException">It cannot be put there.</exception>
    public ValueTask<IAsyncDisposable> PresentAsync(string name, string token, string authorization, CancellationToken cancel);
}
