namespace Tunnel.Transport.Tests;

/// <summary>Tests that measure the whole process and therefore share it with no other test.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
