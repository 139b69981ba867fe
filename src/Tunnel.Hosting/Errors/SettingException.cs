namespace Tunnel.Hosting.Errors;

/// <summary>What was set cannot be used, for a reason that has a code of its own. The message names the option.</summary>
public sealed class SettingException(KnownError error, string message, Exception? inner = null) : ArgumentException(message, inner)
{
    public KnownError Error { get; } = error;
}
