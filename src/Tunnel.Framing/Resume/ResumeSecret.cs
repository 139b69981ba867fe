using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Tunnel.Framing.Resume;

/// <summary>
/// What proves that a HELLO comes from the session's own agent (docs/protocol.md, section 7): a key that travelled once,
/// in the first WELCOME.
/// </summary>
public sealed class ResumeSecret
{
    private const int KeyBytes = 32;

    private readonly byte[] _key;

    private ResumeSecret(byte[] key) => _key = key;

    /// <summary>A new key, from the system's randomness.</summary>
    public static ResumeSecret Create() => new(RandomNumberGenerator.GetBytes(KeyBytes));

    /// <summary>The key as WELCOME carries it.</summary>
    /// <param name="hex">64 hex digits.</param>
    public static ResumeSecret Parse(string hex) => new(Convert.FromHexString(hex));

    /// <summary>The key for WELCOME. Not for logs.</summary>
    public string ToHex() => Convert.ToHexStringLower(_key);

    /// <summary>The <c>proof</c> of a HELLO that resumes: 64 hex digits.</summary>
    /// <param name="session">The session's id, 32 hex digits.</param>
    public string Prove(string session, long attach, long count) => Convert.ToHexStringLower(Mac($"resume\n{session}\n{Text(attach)}\n{Text(count)}\n"));

    /// <summary>Whether a HELLO's proof holds. Takes as long for a wrong one as for the right one.</summary>
    public bool Verify(string session, long attach, long count, string proof) =>
        Equal($"resume\n{session}\n{Text(attach)}\n{Text(count)}\n", proof);

    /// <summary>The proof that a new session may take the place of this one: 64 hex digits.</summary>
    /// <param name="session">The id of the session that is replaced.</param>
    /// <param name="instance">The agent instance that asks.</param>
    public string ProveReplacement(string session, string instance) => Convert.ToHexStringLower(Mac($"replace\n{session}\n{instance}\n"));

    /// <summary>Whether the proof of a replacement holds; in constant time, as <see cref="Verify"/>.</summary>
    public bool VerifyReplacement(string session, string instance, string proof) => Equal($"replace\n{session}\n{instance}\n", proof);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private bool Equal(string text, string proof)
    {
        // A proof of another length cannot be right, and its length is no secret.
        byte[] given = new byte[HMACSHA256.HashSizeInBytes];
        return Convert.FromHexString(proof, given, out _, out int written) == System.Buffers.OperationStatus.Done
            && written == given.Length
            && CryptographicOperations.FixedTimeEquals(given, Mac(text));
    }

    private byte[] Mac(string text) => HMACSHA256.HashData(_key, Encoding.ASCII.GetBytes(text));
}
