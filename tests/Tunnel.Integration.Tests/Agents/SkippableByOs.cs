namespace Tunnel.Integration.Tests.Agents;

/// <summary>Facts about one system only.</summary>
public static class SkippableByOs
{
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class LinuxFactAttribute : FactAttribute
    {
        public LinuxFactAttribute()
        {
            if (!OperatingSystem.IsLinux())
            {
                Skip = "SO_REUSEPORT in this sense is Linux only.";
            }
        }
    }
}
