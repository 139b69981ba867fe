using System.Text.Json;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Integration.Tests.Programs;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>A line for every request, whatever became of it.</summary>
public sealed class AccessLogTests
{
    [Fact]
    public async Task Requests_OfAllKinds_EachLeaveOneLine()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "access.log");
        var options = new PairOptions { Server = server => server with { AccessLog = file, AccessLogIsJson = true } };
        string seen;
        await using (TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)), options))
        {
            seen = (await pair.AskAsync($"POST /up?x=1 HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 3\r\n\r\nabc")).Text;
            await pair.AskAsync("GET /nowhere HTTP/1.1\r\nHost: other.localhost\r\n\r\n");
            await pair.GetAsync("/mine", "X-Request-Id: my-own-id\r\n");
            await pair.AskAsync("BROKEN\r\n\r\n");
        }

        JsonElement[] lines = [.. (await File.ReadAllLinesAsync(file)).Select(line => JsonDocument.Parse(line).RootElement)];
        lines.Should().HaveCount(4);
        lines[0].GetProperty("method").GetString().Should().Be("POST");
        lines[0].GetProperty("target").GetString().Should().Be("/up?x=1");
        lines[0].GetProperty("host").GetString().Should().Be(TunnelPair.Name);
        lines[0].GetProperty("visitor").GetString().Should().Be("127.0.0.1");
        lines[0].GetProperty("status").GetInt32().Should().Be(200);
        lines[0].GetProperty("bytesIn").GetInt64().Should().Be(3);
        lines[0].GetProperty("bytesOut").GetInt64().Should().Be(seen.Length);
        lines[0].GetProperty("requestId").GetString().Should().Be(seen.Fields("X-Request-Id").Single());
        lines[1].GetProperty("status").GetInt32().Should().Be(404);
        lines[1].GetProperty("error").GetString().Should().Be("tunnel-not-found");
        lines[2].GetProperty("requestId").GetString().Should().Be("my-own-id");
        lines[3].GetProperty("status").GetInt32().Should().Be(400);
        lines[3].GetProperty("error").GetString().Should().Be("request-rejected");
    }
}
