namespace Tunnel.Hosting;

/// <summary>What the programs return (docs/operating.md, "Stopping").</summary>
public static class ExitCodes
{
    public const int Stopped = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;
    public const int TokenRefused = 3;
    public const int NameRefused = 4;
    public const int VersionRefused = 5;
}
