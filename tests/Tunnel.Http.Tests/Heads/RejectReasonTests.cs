using System.Runtime.CompilerServices;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Tests.Heads;

public class RejectReasonTests
{
    public static TheoryData<RejectReason> All => [.. Enum.GetValues<RejectReason>().Where(static reason => reason != 0)];

    [Theory]
    [MemberData(nameof(All))]
    public void Reason_Each_HasAStatusASentenceAndARowInTheDocument(RejectReason reason)
    {
        reason.Status.Should().BeOneOf(400, 408, 413, 414, 417, 431, 501, 505);
        reason.Sentence.Should().EndWith(".").And.NotBe(((RejectReason)(-1)).Sentence);
        Document().Should().Contain($"`{reason}` | {reason.Status} |");
    }

    [Fact]
    public void Sentences_OfReasons_Differ() =>
        Enum.GetValues<RejectReason>().Select(static reason => reason.Sentence).Should().OnlyHaveUniqueItems();

    private static string Document([CallerFilePath] string here = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "docs", "http.md"));
}
