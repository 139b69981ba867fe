using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Failure;

/// <summary>An answer that has begun and cannot be finished never looks finished.</summary>
public sealed class BrokenAnswerTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "", "HTTP/1.1")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", null, "HTTP/1.1")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "", "HTTP/1.0")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "", "HTTP/1.1")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", null, "HTTP/1.1")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "", "HTTP/1.0")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "xx\r\n", "HTTP/1.1")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nhalf", null, "HTTP/1.1")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nhalf", null, "HTTP/1.0")]
    public async Task Answer_ThatBreaksOff_CutsTheVisitorsConnection(string begins, string? goesOn, string version)
    {
        var seen = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(begins);
            await seen.WhenAsync(1);
            if (goesOn is null)
            {
                connection.Reset();
                return;
            }

            await connection.WriteAsync(goesOn);
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / {version}\r\nHost: {TunnelPair.Name}\r\n\r\n");
        string head = (await visitor.ReadHeadAsync().Within())!;
        if (head.Field("Transfer-Encoding") is null)
        {
            await visitor.ReadExactlyAsync(4).Within();
        }
        else
        {
            await visitor.ReadChunkAsync().Within();
        }

        seen.Add();
        Func<Task> rest = () => visitor.ReadToEndAsync().Within();
        await rest.Should().ThrowAsync<IOException>("an orderly end would look complete");
    }

    [Fact]
    public async Task SessionThatEndsUnderAnAnswer_CutsTheVisitorsConnection()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("HTTP/1.1 200 OK\r\n\r\nhalf");
            await connection.ReadToEndAsync();
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        await visitor.WriteAsync($"GET / HTTP/1.0\r\nHost: {TunnelPair.Name}\r\n\r\n");
        await visitor.ReadHeadAsync().Within();
        await visitor.ReadExactlyAsync(4).Within();
        await pair.Agent.DisposeAsync().Within();
        Func<Task> rest = () => visitor.ReadToEndAsync().Within();
        await rest.Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Bytes_BehindAnAnswer_AreNobodysAnswer()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            while (await connection.ReadHeadAsync() is { } head)
            {
                await connection.WriteAsync(Talk.Ok(head.Split(' ')[1]) + Talk.Ok("poison"));
            }
        });
        ScriptedConnection visitor = await pair.VisitAsync();
        for (int i = 0; i < 20; i++)
        {
            await visitor.WriteAsync($"GET /{i} HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
            (await visitor.ReadAnswerAsync().Within()).Text.Should().Be($"/{i}");
        }
    }
}
