namespace Tunnel.Agent;

/// <summary>What this program calls itself.</summary>
internal static class Product
{
    public static string Version { get; } = typeof(Product).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    public static string Software { get; } = $"tunnel-agent/{Version}";
}
