using Tunnel.Agent.Connection;

namespace Tunnel.Agent.Tests.Connection;

public sealed class InstanceFileTests
{
    [Fact]
    public void Instance_OfAnAgent_IsKeptAndNeverShared()
    {
        string folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        string first;
        using (InstanceFile one = InstanceFile.Open(folder, "server/demo"))
        using (InstanceFile two = InstanceFile.Open(folder, "server/demo"))
        using (InstanceFile other = InstanceFile.Open(folder, "server/other"))
        {
            first = one.Instance;
            one.IsKept.Should().BeTrue();
            ((string[])[one.Instance, two.Instance, other.Instance]).Should().OnlyHaveUniqueItems();
        }

        using InstanceFile again = InstanceFile.Open(folder, "server/demo");
        again.Instance.Should().Be(first);
        using InstanceFile nowhere = InstanceFile.Open(Path.Combine(Directory.GetFiles(folder)[0], "below"), "server/demo");
        nowhere.IsKept.Should().BeFalse();
        nowhere.Instance.Should().HaveLength(32);
        again.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
