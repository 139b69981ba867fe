using System.IO.Pipelines;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>That nothing was sent, as far as it can be told.</summary>
internal static class Silence
{
    /// <summary>Gives way to everything that could run, many times over, and looks.</summary>
    public static async Task AssertNothingAsync(this PipeReader input)
    {
        for (int i = 0; i < 100; i++)
        {
            await Task.Yield();
            if (input.TryRead(out ReadResult result))
            {
                long length = result.Buffer.Length;
                input.AdvanceTo(result.Buffer.Start);
                length.Should().Be(0);
            }
        }
    }
}
