using System.Collections.Generic;
using System.Dynamic;
using System.Linq.Expressions;
using System.Reflection;

namespace FedXdr.Objects;

/// <summary>
/// Member access on a <see cref="Row"/>. The adapter is not enough: type data belongs to a runspace, and the runspaces
/// of ForEach-Object -Parallel do not load the type data of the module.
/// </summary>
internal sealed class RowMetaObject(Expression expression, Row row)
    : DynamicMetaObject(expression, BindingRestrictions.Empty, row)
{
    private const BindingFlags Members = BindingFlags.Instance | BindingFlags.NonPublic;

    private static readonly MethodInfo Has = typeof(Row).GetMethod(nameof(Row.Has), Members)!;
    private static readonly MethodInfo Get = typeof(Row).GetMethod(nameof(Row.Get), Members)!;
    private static readonly MethodInfo Set = typeof(Row).GetMethod(nameof(Row.Set), Members)!;

    public override IEnumerable<string> GetDynamicMemberNames() => ((Row)Value!).Schema.Names;

    public override DynamicMetaObject BindGetMember(GetMemberBinder binder) =>
        WhenPresent(
            binder.Name,
            (self, name) => Expression.Call(self, Get, name),
            binder.FallbackGetMember(this));

    public override DynamicMetaObject BindSetMember(SetMemberBinder binder, DynamicMetaObject value) =>
        WhenPresent(
            binder.Name,
            (self, name) => Expression.Call(self, Set, name, Expression.Convert(value.Expression, typeof(object))),
            binder.FallbackSetMember(this, value));

    private DynamicMetaObject WhenPresent(
        string member, System.Func<Expression, Expression, Expression> access, DynamicMetaObject otherwise)
    {
        var self = Expression.Convert(Expression, typeof(Row));
        var name = Expression.Constant(member);
        var choice = Expression.Condition(
            Expression.Call(self, Has, name),
            access(self, name),
            Expression.Convert(otherwise.Expression, typeof(object)),
            typeof(object));
        var isRow = BindingRestrictions.GetTypeRestriction(Expression, typeof(Row));
        return new DynamicMetaObject(choice, isRow.Merge(otherwise.Restrictions));
    }
}
