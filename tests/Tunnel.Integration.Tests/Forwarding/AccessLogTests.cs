using System.Text.Json;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>A line for every request, whatever became of it.</summary>
public sealed class AccessLogTests
{
    [Fact]
    public async Task Requests_OfAllKinds_EachLeaveOneLine()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "access.log");
        var options = new PairOptions
        {
            Server = server => server with { AccessLog = server.AccessLog with { File = file, IsJson = true }, Waiting = server.Waiting with { Hold = TimeSpan.FromSeconds(1) } },
        };
        string seen;
        Answer nowhere;
        await using (TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)), options))
        {
            seen = (await pair.AskAsync($"POST /up?x=1 HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: 3\r\n\r\nabc")).Text;
            nowhere = await pair.AskAsync("GET /nowhere HTTP/1.1\r\nHost: other.localhost\r\n\r\n");
            await pair.GetAsync("/mine", "X-Request-Id: my-own-id\r\n");
            await pair.AskAsync("BROKEN\r\n\r\n");
        }

        JsonElement[] lines = [.. (await File.ReadAllLinesAsync(file)).Select(line => JsonDocument.Parse(line).RootElement)];
        lines.Should().HaveCount(4);

        // A line is written when its request is over, which the visitor of another connection does not wait for.
        JsonElement LineOf(string target) => lines.Single(line => line.GetProperty("target").GetString() == target);
        JsonElement upload = LineOf("/up?x=1");
        upload.GetProperty("method").GetString().Should().Be("POST");
        upload.GetProperty("host").GetString().Should().Be(TunnelPair.Name);
        upload.GetProperty("visitor").GetString().Should().Be("127.0.0.1");
        upload.GetProperty("status").GetInt32().Should().Be(200);
        upload.GetProperty("bytesIn").GetInt64().Should().Be(3);
        upload.GetProperty("bytesOut").GetInt64().Should().Be(seen.Length);
        upload.GetProperty("requestId").GetString().Should().Be(seen.Fields("X-Request-Id").Single());
        LineOf("/nowhere").GetProperty("status").GetInt32().Should().Be(404);
        LineOf("/nowhere").GetProperty("bytesOut").GetInt64().Should().Be(nowhere.Text.Length);
        LineOf("/nowhere").GetProperty("error").GetString().Should().Be("tunnel-not-found");
        LineOf("/mine").GetProperty("requestId").GetString().Should().Be("my-own-id");
        LineOf("").GetProperty("status").GetInt32().Should().Be(400);
        LineOf("").GetProperty("error").GetString().Should().Be("request-rejected");
    }
}
