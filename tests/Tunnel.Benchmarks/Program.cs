using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Running;

namespace Tunnel.Benchmarks;

/// <summary>Hands everything on: <c>--filter</c>, <c>--job</c>, <c>--list</c> and the rest are BenchmarkDotNet's own.</summary>
internal static class Program
{
    // What is measured is built anew, in a process of its own; on a busy machine that takes longer than the usual two minutes.
    private static readonly TimeSpan BuildTime = TimeSpan.FromMinutes(10);

    private static void Main(string[] args) =>
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(
            args, ManualConfig.Create(DefaultConfig.Instance).WithBuildTimeout(BuildTime));
}
